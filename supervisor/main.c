/* SPDX-License-Identifier: MIT */
/* govrelayd - the daemon: a supervisor and any set of stages.
 *
 *   in   command line, environment, govrelay.toml
 *   out  an exit code (supervisor.h); lines on standard error
 *   owns what is per process: signals, limits, library start-up, the lock
 *
 *~ Read this first. Then supervisor/topology.def: who runs, wired to whom. The
 *~ tour in README.md goes on from there along the way of a message.
 */
#include <curl/curl.h>
#include <czmq.h>
#include <jansson.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "supervisor/arguments.h"
#include "supervisor/lockfile.h"
#include "supervisor/log.h"
#include "supervisor/supervisor.h"

static void
main_print_problems (const struct config_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        fprintf (stderr, "govrelayd: %s\n", problems->text[i]);
    if (problems->omitted > 0)
        fprintf (stderr, "govrelayd: and %zu more\n", problems->omitted);
}

/* Signals are read by the supervisor alone: every thread inherits this. */
static void
main_block_signals (void)
{
    sigset_t all;
    sigfillset (&all);
    int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    for (size_t i = 0; i < ARRAY_SIZE (faults); i++)
        sigdelset (&all, faults[i]);
    pthread_sigmask (SIG_SETMASK, &all, NULL);
}

/* CZMQ asserts when descriptors run out: take all that we may have. */
static void
main_raise_limits (void)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit (RLIMIT_NOFILE, &limit);
    }
}

/* What the libraries want once per process, before the first thread. */
static bool
main_start_libraries (void)
{
    zsys_handler_set (NULL);
    zsys_init ();
    json_object_seed (0);
    return sodium_init () >= 0 && curl_global_init (CURL_GLOBAL_ALL) == 0;
}

static int
main_lock (const struct config *config, int *ret_lock)
{
    const char *directory = config_network_dir (config);
    int rc = lockfile_take (directory, ret_lock);
    if (rc == 0)
        return EXIT_CODE_STOPPED;
    if (rc == -EWOULDBLOCK) {
        fprintf (stderr,
                 "govrelayd: %s: another daemon runs in this directory; stop "
                 "it, or choose another --datadir\n",
                 directory);
        return EXIT_CODE_TEMPORARY;
    }
    fprintf (stderr, "govrelayd: %s: %s\n", directory, strerror (-rc));
    return EXIT_CODE_DISK;
}

static int
main_run (const struct config *config, const struct plan *plan, uint64_t daemon)
{
    enum log_level level = LEVEL_INFO;
    int lock = -1;

    int code = main_lock (config, &lock);
    if (code != EXIT_CODE_STOPPED)
        return code;
    log_level_from_name (config->log_level, &level);
    log_open (STDERR_FILENO, level,
              strcmp (config->log_format, "json") == 0 ? LOG_JSON : LOG_TEXT);
    log_name_thread ("supervisor");
    code = (int)supervisor_run (config, plan, daemon);
    curl_global_cleanup ();
    zsys_shutdown ();
    close (lock);
    return code;
}

static int
main_configure (const struct arguments *arguments, struct config **ret_config,
                struct plan *ret_plan, uint64_t daemon)
{
    struct config_problems problems = {0};
    struct config_request request = {.file = arguments->config_file,
                                     .override = arguments->override,
                                     .override_count =
                                         arguments->override_count,
                                     .environment = environ,
                                     .home = getenv ("HOME")};
    int code = EXIT_CODE_STOPPED;

    if (config_load (&request, ret_config, &problems) != 0)
        code = EXIT_CODE_CONFIG;
    else if (plan_make (*ret_config, arguments->stages,
                        sysconf (_SC_NPROCESSORS_ONLN), daemon, ret_plan,
                        &problems)
             != 0)
        code = arguments->stages ? EXIT_CODE_USAGE : EXIT_CODE_CONFIG;
    main_print_problems (&problems);
    config_problems_done (&problems);
    return code;
}

static int
main_serve (const struct arguments *arguments)
{
    struct config *config = NULL;
    struct plan plan;
    uint64_t daemon;

    randombytes_buf (&daemon, sizeof daemon);
    int code = main_configure (arguments, &config, &plan, daemon);
    if (code == EXIT_CODE_STOPPED && arguments->check_config)
        printf ("the configuration is good\n");
    else if (code == EXIT_CODE_STOPPED)
        code = main_run (config, &plan, daemon);
    config_destroy (&config);
    return code;
}

int
main (int argc, char **argv)
{
    struct config_problems problems = {0};
    struct arguments arguments = {0};
    int code = EXIT_CODE_STOPPED;

    main_block_signals ();
    main_raise_limits ();
    if (!main_start_libraries ()) {
        fprintf (stderr, "govrelayd: libsodium or libcurl do not start\n");
        return EXIT_CODE_STAGE;
    }
    if (arguments_parse (argc, argv, &arguments, &problems) != 0) {
        main_print_problems (&problems);
        fprintf (stderr, "govrelayd: see govrelayd --help\n");
        code = EXIT_CODE_USAGE;
    } else if (arguments.help)
        arguments_print_help (stdout);
    else if (arguments.version)
        printf ("govrelayd %s\n", GOVRELAY_VERSION);
    else
        code = main_serve (&arguments);
    config_problems_done (&problems);
    arguments_done (&arguments);
    return code;
}
