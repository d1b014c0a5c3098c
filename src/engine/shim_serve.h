/* The shim as a server of shims, see shim_server.h. */
#ifndef ENGINE_SHIM_SERVE_H
#define ENGINE_SHIM_SERVE_H

/* Until the parent leaves. */
int asim_shim_serve(char *program);
/* One attempt; shim_main.c. */
int asim_shim_main(int argc, char **argv);

#endif
