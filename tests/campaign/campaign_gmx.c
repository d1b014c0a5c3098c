/*
 * A gmx for the tests of the campaign: `--version`, and an `mdrun` that behaves like
 * the real one as far as a campaign can see: steps, samples, checkpoints, appending
 * after -cpi, TERM, a final structure. window.tpr is a text:
 *
 *     steps sample_every checkpoint_every microseconds_a_step atoms [mode]
 *
 * mode: ok (default), blowup (fatal LINCS error at half of the steps), input (bad TPR),
 * full (out of disk space, unless there is a file "space"), hang (at once, without a
 * write, ignores TERM), die (SIGKILL at half of the steps), diefirst (the same, but
 * only while there is no checkpoint), eat (takes all memory there is, as diefirst),
 * deaf (ignores TERM).
 *
 * A trial of its speed (-noconfout) takes 0.1 s and says what $CAMPAIGN_GMX_SPEED has
 * for its number of threads ("1:10 2:25", ns/day; none: it fails). At "hang" it does so
 * and holds "$CAMPAIGN_GMX_HANGS" meanwhile; while one holds it, no other trial ends
 * well.
 *
 * The cores that it may use are added to $CAMPAIGN_GMX_CPUS, a line each time.
 *
 * Where the campaign's folder has a file "hurry", steps take no time: a test makes its
 * windows as long as it likes and ends them when it has seen what it wanted to see.
 *
 * Two of it in one folder at once are caught by a lock of its own ("alone"), and leave
 * a file "collision". Every end that is its own adds a line to "ends".
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop_signal;

static void on_stop(int number)
{
    stop_signal = number;
}

static _Noreturn void fatal(const char *text);

static _Noreturn void cannot_write(void)
{
    if (errno == ENOSPC)
        fatal("Cannot write a file; maybe you are out of disk space?");
    exit(99);
}

static void append(const char *name, const char *text)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND, 0666);
    off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    ssize_t size = (ssize_t)strlen(text);
    ssize_t written = fd < 0 ? -1 : write(fd, text, (size_t)size);
    if (written != size) {
        int cause = written < 0 ? errno : ENOSPC;
        if (written > 0 && ftruncate(fd, end) < 0)
            exit(98);
        errno = cause;
        cannot_write();
    }
    close(fd);
}

static void write_checkpoint(long step)
{
    FILE *file = fopen("state_new.cpt", "w");
    if (!file)
        cannot_write();
    fprintf(file, "%ld\n", step);
    if (fclose(file) != 0)
        cannot_write();
    rename("state.cpt", "state_prev.cpt");
    rename("state_new.cpt", "state.cpt");
}

static void write_log_step(long step)
{
    char text[200];
    snprintf(text, sizeof text, "           Step           Time\n%15ld%15.5f\n\n", step,
             0.002 * (double)step);
    append("md.log", text);
}

static void write_structure(long atoms)
{
    FILE *file = fopen("confout.gro", "w");
    if (!file)
        cannot_write();
    fprintf(file, "final\n%5ld\n", atoms);
    for (long i = 0; i < atoms; i++)
        fprintf(file, "%5ld%-5s%5s%5ld%8.3f%8.3f%8.3f\n", 1L, "ALA", "CA", i + 1, 0.1,
                0.2, 0.3);
    fprintf(file, "   3.00000   3.00000   3.00000\n");
    if (fclose(file) != 0)
        cannot_write();
}

static _Noreturn void fatal(const char *text)
{
    fprintf(stderr,
            "\n-------------------------------------------------------\n"
            "Program:     gmx mdrun, version 2022.5\n\nFatal error:\n%s\n\n"
            "For more information and tips for troubleshooting, please check the "
            "GROMACS\nwebsite at http://www.gromacs.org/Documentation/Errors\n"
            "-------------------------------------------------------\n",
            text);
    int fd = open("ends", O_WRONLY | O_CREAT | O_APPEND, 0666);
    ssize_t written = fd < 0 ? -1 : write(fd, "fatal\n", 6);
    (void)written; /* the disk may be full */
    exit(1);
}

static void wait_microseconds(long microseconds)
{
    struct timespec left = {microseconds / 1000000, microseconds % 1000000 * 1000};
    if (microseconds > 0)
        nanosleep(&left, NULL);
}

static long pause_of(long microseconds)
{
    return microseconds > 0 && access("../../hurry", F_OK) == 0 ? 0 : microseconds;
}

static _Noreturn void eat_memory(void)
{
    enum { BYTES = 1 << 20, PAGE = 4096 };
    for (;;) {
        volatile char *bytes = malloc(BYTES); /* or compilers leave it out */
        if (!bytes)
            exit(97);
        for (int i = 0; i < BYTES; i += PAGE)
            bytes[i] = 1;
    }
}

static int mdrun(void)
{
    long steps, sample_every, checkpoint_every, microseconds, atoms, first = 0;
    char mode[32] = "ok";
    int alone = open("alone", O_RDWR | O_CREAT, 0666);
    if (alone < 0 || flock(alone, LOCK_EX | LOCK_NB) < 0) {
        append("collision", "x\n");
        return 96;
    }
    append("begins", "x\n");
    FILE *tpr = fopen("window.tpr", "r");
    if (!tpr || fscanf(tpr, "%ld %ld %ld %ld %ld %31s", &steps, &sample_every,
                       &checkpoint_every, &microseconds, &atoms, mode) < 5)
        return 95;
    fclose(tpr);
    struct sigaction stop = {.sa_handler = on_stop};
    if (strcmp(mode, "deaf") == 0)
        stop.sa_handler = SIG_IGN;
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    if (strcmp(mode, "input") == 0)
        fatal("reading tpx file (window.tpr) version 133 with version 127 program");
    if (strcmp(mode, "hang") == 0)
        for (;;) {
            signal(SIGTERM, SIG_IGN);
            sleep(100);
        }
    if (strcmp(mode, "full") == 0 && access("space", F_OK) < 0)
        fatal("Cannot write trajectory; maybe you are out of disk space?");
    FILE *checkpoint = fopen("state.cpt", "r");
    if (checkpoint) {
        if (fscanf(checkpoint, "%ld", &first) != 1)
            fatal("Checkpoint file corrupted/truncated, or maybe you are out of disk "
                  "space?");
        fclose(checkpoint);
        append("md.log", "Restarting from checkpoint, appending to previous log\n");
    } else {
        unlink("bias.xvg");
        unlink("md.log");
        append("md.log", "Log file opened on a day\n");
    }
    fprintf(stderr, "starting mdrun\n");
    for (long step = first; step <= steps; step++) {
        char row[64];
        if (step % sample_every == 0) {
            snprintf(row, sizeof row, "%ld %ld\n", step, step * 7 % 1000);
            append("bias.xvg", row);
        }
        if (stop_signal) {
            fprintf(stderr, "\n\nReceived the %s signal, stopping within 80 steps\n\n",
                    stop_signal == SIGTERM ? "TERM" : "INT");
            write_log_step(step);
            write_checkpoint(step);
            append("ends", "stopped\n");
            return 1;
        }
        if (step == steps / 2 &&
            (strcmp(mode, "die") == 0 || (strcmp(mode, "diefirst") == 0 && first == 0)))
            raise(SIGKILL);
        if (step == steps / 2 && strcmp(mode, "eat") == 0 && first == 0)
            eat_memory();
        if (step == steps / 2 && strcmp(mode, "blowup") == 0)
            fatal("Too many LINCS warnings (1003)");
        if (step > first && step % checkpoint_every == 0 && step < steps) {
            write_log_step(step);
            write_checkpoint(step);
        }
        wait_microseconds(pause_of(microseconds));
    }
    write_log_step(steps);
    write_checkpoint(steps);
    write_structure(atoms);
    fprintf(stderr, "\nWriting final coordinates.\n");
    append("md.log", "               Core t (s)   Wall t (s)        (%)\n"
                     "       Time:        1.000        1.000      100.0\n"
                     "                 (ns/day)    (hour/ns)\n"
                     "Performance:       12.340        1.945\n"
                     "Finished mdrun on rank 0 a day\n");
    append("ends", "completed\n");
    return 0;
}

static void tell_cpus(void)
{
    const char *path = getenv("CAMPAIGN_GMX_CPUS");
    cpu_set_t cpus;
    char text[4096] = "";
    size_t used = 0;
    if (!path || sched_getaffinity(0, sizeof cpus, &cpus) < 0)
        return;
    for (int cpu = 0; cpu < CPU_SETSIZE && used < sizeof text - 8; cpu++)
        if (CPU_ISSET(cpu, &cpus))
            used += (size_t)snprintf(text + used, sizeof text - used, "%d ", cpu);
    snprintf(text + used, sizeof text - used, "\n");
    append(path, text);
}

static void wait_for_ever(int fd)
{
    signal(SIGTERM, SIG_IGN);
    flock(fd, LOCK_EX); /* a second one waits here */
    for (;;)
        pause();
}

static int trial(int argc, char **argv)
{
    const char *speeds = getenv("CAMPAIGN_GMX_SPEED"), *threads = "";
    char key[32], text[400];
    double speed;
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], "-ntomp") == 0)
            threads = argv[i + 1];
    snprintf(key, sizeof key, "%s:", threads);
    const char *found = speeds ? strstr(speeds, key) : NULL;
    const char *hangs = getenv("CAMPAIGN_GMX_HANGS");
    int fd = hangs ? open(hangs, O_RDWR | O_CREAT, 0666) : -1;
    if (found && strncmp(found + strlen(key), "hang", 4) == 0)
        wait_for_ever(fd);
    wait_microseconds(100000);
    if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return 1;
    if (!found || sscanf(found + strlen(key), "%lf", &speed) != 1)
        return 1;
    snprintf(text, sizeof text,
             "                 (ns/day)    (hour/ns)\nPerformance:    %9.3f        "
             "1.945\nFinished mdrun on rank 0 a day\n",
             speed);
    append("md.log", text);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("GROMACS version:    2022.5\nPrecision:          mixed\n"
               "MPI library:        thread_mpi\nSIMD instructions:  AVX2_256\n"
               "GPU support:        %s\n",
               getenv("CAMPAIGN_GMX_GPU") ? "CUDA" : "disabled");
        return 0;
    }
    tell_cpus();
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "-noconfout") == 0)
            return trial(argc, argv);
    return argc > 1 && strcmp(argv[1], "mdrun") == 0 ? mdrun() : 94;
}
