/*
 * A gmx for tests: runs the lines of `script` in its working folder (or of the file
 * named by $FAKE_GMX_SCRIPT), one action a line, with the files and the exit habits of
 * the real one. Arguments are ignored, as the shim only hands them on.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop_signal;

static void on_stop(int number)
{
    stop_signal = number;
}

/* Like mdrun: a message, a checkpoint, code 1. */
static void leave_if_stopped(void)
{
    if (!stop_signal)
        return;
    fprintf(stderr, "\n\nReceived the %s signal, stopping within 80 steps\n\n",
            stop_signal == SIGTERM ? "TERM" : "INT");
    FILE *checkpoint = fopen("state.cpt", "w");
    if (checkpoint)
        fclose(checkpoint);
    exit(1);
}

/* In short pieces: a signal may come just before any of them. */
static void pause_ms(long ms)
{
    for (leave_if_stopped(); ms > 0; ms -= 10) {
        struct timespec piece = {0, (ms < 10 ? ms : 10) * 1000000};
        nanosleep(&piece, NULL);
        leave_if_stopped();
    }
}

static void append(const char *name, const char *text)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        exit(99);
    close(fd);
}

static void write_final(long atoms)
{
    FILE *file = fopen("confout.gro", "w");
    fprintf(file, "final\n%5ld\n", atoms);
    for (long i = 0; i < atoms; i++)
        fprintf(file, "%5ld%-5s%5s%5ld%8.3f%8.3f%8.3f\n", 1L, "ALA", "CA", i + 1, 0.1,
                0.2, 0.3);
    fprintf(file, "   3.00000   3.00000   3.00000\n");
    fclose(file);
    fprintf(stderr, "\nWriting final coordinates.\n");
}

static void fill_disk(const char *name)
{
    static char block[4096];
    memset(block, 'x', sizeof block);
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND, 0666);
    size_t size = sizeof block;
    while (size > 0)
        if (write(fd, block, size) < (ssize_t)size)
            size /= 2;
    close(fd);
}

static void act(char *action, char *rest)
{
    if (strcmp(action, "sleep") == 0) {
        pause_ms(atol(rest));
    } else if (strcmp(action, "obey") == 0) {
        struct sigaction obey = {.sa_handler = on_stop};
        sigaction(SIGTERM, &obey, NULL);
        sigaction(SIGINT, &obey, NULL);
    } else if (strcmp(action, "ignore") == 0) {
        signal(SIGTERM, SIG_IGN);
    } else if (strcmp(action, "exit") == 0) {
        exit(atoi(rest));
    } else if (strcmp(action, "kill") == 0) {
        signal(atoi(rest), SIG_DFL); /* sanitizers catch some */
        kill(getpid(), atoi(rest));
    } else if (strcmp(action, "stderr") == 0) {
        fprintf(stderr, "%s\n", rest);
    } else if (strcmp(action, "log") == 0) {
        append("md.log", rest);
        append("md.log", "\n");
    } else if (strcmp(action, "step") == 0) {
        char text[200];
        snprintf(text, sizeof text, "           Step           Time\n%15ld%15.5f\n\n",
                 atol(rest), 0.002 * (double)atol(rest));
        append("md.log", text);
    } else if (strcmp(action, "final") == 0) {
        write_final(atol(rest));
    } else if (strcmp(action, "mark") == 0) {
        append(rest, "x");
    } else if (strcmp(action, "alone") == 0) {
        /* Only one may be here at a time. */
        int fd = open("alone", O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (fd < 0)
            append("collision", "x");
        close(fd);
        pause_ms(atol(rest));
        unlink("alone");
    } else if (strcmp(action, "fill") == 0) {
        fill_disk(rest);
    } else {
        fprintf(stderr, "fake gmx: unknown action '%s'\n", action);
        exit(98);
    }
}

int main(void)
{
    const char *name = getenv("FAKE_GMX_SCRIPT");
    FILE *script = fopen(name ? name : "script", "re");
    char line[4096];
    if (!script)
        return 97;
    while (fgets(line, sizeof line, script)) {
        line[strcspn(line, "\n")] = '\0';
        char *rest = line + strcspn(line, " ");
        if (*rest)
            *rest++ = '\0';
        if (line[0])
            act(line, rest);
        leave_if_stopped();
    }
    fclose(script);
    return 0;
}
