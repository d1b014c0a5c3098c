/*
 * launch FD SECONDS CORE,CORE... PROGRAM ARGUMENTS...: runs a program on these cores,
 * then writes one line to the file descriptor: wait status, user and system seconds,
 * peak memory in kB, wall seconds. The program is killed once it has used so many
 * seconds of processor time (0: any), which other work on the machine does not shorten.
 *
 * The kernel counts the memory of whoever forked a program into its peak, so the one
 * who forks has to be small. Knows nothing about what it runs.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

static void begin(rlim_t limit, const char *cores, char **argv)
{
    struct rlimit seconds = {limit, limit};
    cpu_set_t set;
    CPU_ZERO(&set);
    for (char *end; *cores; cores = *end ? end + 1 : end)
        CPU_SET(strtoul(cores, &end, 10), &set);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (sched_setaffinity(0, sizeof set, &set) == 0 &&
        (limit == 0 || setrlimit(RLIMIT_CPU, &seconds) == 0))
        execvp(argv[0], argv);
    perror(argv[0]);
    _exit(127);
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "launch FD SECONDS CORES PROGRAM ARGUMENTS...\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int report = atoi(argv[1]), status = 0;
    fcntl(report, F_SETFD, FD_CLOEXEC);
    double start = now();
    pid_t child = fork();
    if (child == 0)
        begin(strtoul(argv[2], NULL, 10), argv[3], argv + 4);
    if (child < 0) {
        perror("fork");
        return 1;
    }
    struct rusage usage = {0};
    while (wait4(child, &status, 0, &usage) != child)
        ;
    dprintf(report, "%d %.6f %.6f %ld %.6f\n", status, seconds(usage.ru_utime),
            seconds(usage.ru_stime), usage.ru_maxrss, now() - start);
    return 0;
}
