/* The limit: start COMMAND N times with posix_spawn, at most SLOTS at a time. */
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    int left = atoi(argv[1]), slots = atoi(argv[2]), running = 0;
    char *command[] = {"bash", "-c", argv[3], NULL};
    while (left > 0 || running > 0) {
        while (left > 0 && running < slots) {
            pid_t pid;
            if (posix_spawnp(&pid, "bash", NULL, NULL, command, environ) != 0)
                return 1;
            left--;
            running++;
        }
        if (wait(NULL) < 0)
            return 1;
        running--;
    }
    return 0;
}
