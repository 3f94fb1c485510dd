/* SPDX-License-Identifier: MIT */
/* config_desk - what the tests of the configuration work at: a private
 * directory, one load after the other, and what came of it. */
#pragma once

#include "base.h"
#include "supervisor/arguments.h"
#include "supervisor/config.h"

#define ENVIRONMENT(...) ((char *[]){__VA_ARGS__, NULL})
#define FLAGS(...) ((char *[]){"govrelayd", __VA_ARGS__, NULL})
#define NOTHING ((char *[]){NULL})
#define NO_FLAGS ((char *[]){"govrelayd", NULL})

/* A test with a desk as its state. */
#define TEST(name) cmocka_unit_test_setup_teardown (name, desk_open, desk_close)

/* A private directory, and what the last load gave. */
struct desk {
    char directory[64];
    char file[96];
    struct arguments arguments;
    struct config *config;
    struct config_problems problems;
};

/* The set-up and the tear-down of TEST. */
int desk_open (void **state);
int desk_close (void **state);

void write_file (const char *path, const char *text, size_t size);

/* Loads with HOME the private directory; FILE may be NULL. */
int load_from (struct desk *desk, const char *file, char *const *environment,
               char *const *argv);

/* Loads TEXT as the file; in every other way as load_from. */
int load (struct desk *desk, const char *text, char *const *environment,
          char *const *argv);

/* Checks that problem INDEX is `FILE` PLACE `: ` WHAT. */
void check_problem (const struct desk *desk, size_t index, const char *place,
                    const char *what);

/* Loads TEXT and checks that exactly one thing is wrong with it. */
void check_refused (struct desk *desk, const char *text, const char *place,
                    const char *what);

/* Checks that RC is 0 and nothing was wrong; prints what was. */
void check_loaded (struct desk *desk, int rc);
