/* The shim as a server of shims, see shim_server.h. */
#ifndef ENGINE_SHIM_SERVE_H
#define ENGINE_SHIM_SERVE_H

/* Until the parent leaves. Descriptors are those of the head of shim_main.c and
 * `kills_fd`. */
int asim_shim_serve(char *program, int kills_fd);
/* One attempt; shim_main.c. `kills_fd`: of memory_kills.h. */
int asim_shim_main(int argc, char **argv, int kills_fd);

#endif
