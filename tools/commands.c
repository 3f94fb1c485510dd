/* SPDX-License-Identifier: MIT */
/* commands - the table of commands: read it to know what the tool can do.
 *
 *   in   the words of the command line
 *   out  an exit code: 0 yes, 1 refused or no, 2 unreachable, 3 usage
 *   owns nothing
 *
 * Next on the tour: tools/tool.h
 */
#include "tools/commands.h"

#include "tools/cmd.h"

struct command {
    const char *name;     /* one word or two */
    const char *usage;    /* what follows the name */
    const char *sentence; /* what it does */
    const char *details;  /* what else one has to know; "" for nothing */
    const struct option_row *options;
    size_t operands_min;
    size_t operands_max;
    int (*run) (struct tool *tool, const struct arguments *arguments);
};

#define SIGN_DETAILS                                                           \
    "Prints one JSON message. With --unsigned: the signing string on the\n"    \
    "first line, the message without a signature on the second; sign the\n"    \
    "string elsewhere (secp256k1: ECDSA over its SHA-256, compact, low s;\n"   \
    "ed25519: over the string itself), then use `govrelay attach`.\n"          \
    "The message does not name its network: only the key's file does.\n"

static const struct command commands[] = {
    {"key new", "[--type secp256k1|ed25519] [--network NAME] [--json] FILE",
     "make a key; the secret goes to FILE, the public key is printed",
     "FILE gets mode 0600 and is never overwritten. Keep a copy: nobody can\n"
     "make it again.\n",
     key_new_options, 1, 1, cmd_key_new},
    {"key show", "[--json] FILE", "print type, network and public key of a key",
     "", key_show_options, 1, 1, cmd_key_show},
    {"sign registration",
     "--type T --name N --qualification FILE --key FILE [...]",
     "sign the registration of an economic node", SIGN_DETAILS,
     sign_registration_options, 0, 0, cmd_sign_registration},
    {"sign veto", "--pr N --signal veto|support|abstain --key FILE [...]",
     "sign a signal for or against a pull request", SIGN_DETAILS,
     sign_veto_options, 0, 0, cmd_sign_veto},
    {"sign fork", "--ruleset R --reason TEXT --key FILE [...]",
     "sign a decision for a ruleset", SIGN_DETAILS, sign_fork_options, 0, 0,
     cmd_sign_fork},
    {"attach", "--signature HEX [FILE]",
     "put a signature that was made elsewhere into its message",
     "FILE (or standard input) is what `govrelay sign ... --unsigned` "
     "printed,\n"
     "with or without its first line. The signature is checked first.\n",
     attach_options, 0, 1, cmd_attach},
    {"verify", "[--command C] [--at UNIX] [--json] [FILE]",
     "say what a relay would say of a message; exit 0 only if accepted",
     "FILE (or standard input) holds one JSON message, or one a line. What\n"
     "only a relay knows is left out: duplicates, lists of keys, budgets.\n"
     "Status messages are unauthenticated: nobody signs them.\n",
     verify_options, 0, 1, cmd_verify},
    {"send", "[--network NAME] [--confirm HOST:PORT] HOST:PORT [FILE...]",
     "hand signed messages to a relay, as a peer of it",
     "Every message is judged first; if one is refused, none is sent.\n"
     "\"handed over\": the relay has judged everything that was sent. It does\n"
     "not say how; \"confirmed\", with --confirm, does: the message came back\n"
     "from another relay. A relay may hold a message of its own host back for\n"
     "half a minute, to hide where it came from.\n",
     send_options, 1, OPERANDS_MAX, cmd_send},
    {"status", "[--network NAME] HOST:PORT --id N | --public-key K",
     "ask what Commons knows of a node; the answer is unauthenticated",
     "Nobody signs an answer: any relay on the way can have made it up. A "
     "node\n"
     "that is not known gets no answer.\n",
     status_options, 1, 1, cmd_status},
    {"tap", "[TOPIC...] [--json] [--endpoint ENDPOINT] [...]",
     "show what a daemon sees and decides, as it happens",
     "TOPIC is the beginning of a topic: `dedup`, `verifier.rejected`,\n"
     "`dedup.accepted.econveto`; none: all but the ticks. Ticks come every 5 "
     "s\n"
     "(`tap.tick`); without any for a while the tap counts as gone. What got\n"
     "lost on the way to us is said on standard error.\n",
     tap_options, 0, OPERANDS_MAX, cmd_tap},
};

static const char commands_exit_codes[] =
    "Exit codes: 0 yes, 1 refused or no, 2 unreachable, 3 usage.\n";

/* How many words COMMAND's name has. */
static size_t
command_words (const struct command *command)
{
    return strchr (command->name, ' ') != NULL ? 2 : 1;
}

/* Whether COMMAND's name begins with, or is, the COUNT words at WORDS. */
static bool
command_begins_with (const struct command *command, char *const *words,
                     size_t count)
{
    const char *at = command->name;

    for (size_t i = 0; i < count; i++) {
        size_t size = strcspn (at, " ");
        if (size != strlen (words[i]) || memcmp (at, words[i], size) != 0)
            return false;
        at += size + (at[size] == ' ');
    }
    return true;
}

static const struct command *
command_find (char *const *words, size_t count)
{
    for (size_t i = 0; i < ARRAY_SIZE (commands); i++) {
        size_t size = command_words (&commands[i]);
        if (size <= count && command_begins_with (&commands[i], words, size))
            return &commands[i];
    }
    return NULL;
}

static void
help_command (FILE *file, const struct command *command)
{
    const struct option_row *option = command->options;

    (void)fprintf (file, "govrelay %s %s\n\n  %s\n\n", command->name,
                   command->usage, command->sentence);
    if (*command->details != '\0')
        (void)fprintf (file, "%s\n", command->details);
    for (; option->name != NULL; option++) {
        char left[64];
        (void)snprintf (left, sizeof left, "--%s%s%s", option->name,
                        option->value != NULL ? " " : "",
                        option->value != NULL ? option->value : "");
        (void)fprintf (file, "  %-24s %s\n", left, option->sentence);
    }
    (void)fprintf (file, "\n");
}

static int
help_all (FILE *file)
{
    (void)fprintf (file, "govrelay - sign, send and watch governance messages "
                         "of Bitcoin Commons\n\n");
    for (size_t i = 0; i < ARRAY_SIZE (commands); i++)
        (void)fprintf (file, "  govrelay %-17s  %s\n", commands[i].name,
                       commands[i].sentence);
    (void)fprintf (file,
                   "  govrelay help COMMAND       its options, in full\n"
                   "  govrelay --version          print the version\n\n"
                   "Where a FILE is read, none or - means standard input.\n%s",
                   commands_exit_codes);
    return TOOL_YES;
}

/* Says that WORDS begin no command, and which was probably meant. */
static int
command_unknown (struct tool *tool, char *const *words, size_t count)
{
    char buffer[ARRAY_SIZE (commands)][32];
    const char *names[ARRAY_SIZE (commands)];
    size_t found = 0;

    /* The second words of the commands that begin as WORDS do ... */
    for (size_t i = 0; i < ARRAY_SIZE (commands); i++)
        if (command_words (&commands[i]) == 2
            && command_begins_with (&commands[i], words, 1))
            names[found++] = strchr (commands[i].name, ' ') + 1;
    bool second = found > 0;

    /* ... or, where none does, the first words of all. */
    for (size_t i = 0; i < ARRAY_SIZE (commands) && !second; i++) {
        (void)snprintf (buffer[i], sizeof buffer[i], "%.*s",
                        (int)strcspn (commands[i].name, " "), commands[i].name);
        names[found++] = buffer[i];
    }

    tool->command = second ? words[0] : NULL;
    if (second && count == 1)
        return tool_usage (tool, "a second word is missing, like '%s'",
                           names[0]);
    const char *word = words[second ? 1 : 0];
    const char *meant = name_meant (word, names, found);
    return tool_usage (tool, "there is no command '%s'%s%s%s", word,
                       meant != NULL ? "; did you mean '" : "",
                       meant != NULL ? meant : "", meant != NULL ? "'?" : "");
}

static int
help (struct tool *tool, char *const *words, size_t count)
{
    bool found = false;

    if (count == 0)
        return help_all (tool->output);
    for (size_t i = 0; i < ARRAY_SIZE (commands); i++)
        if (count <= command_words (&commands[i])
            && command_begins_with (&commands[i], words, count)) {
            help_command (tool->output, &commands[i]);
            found = true;
        }
    if (!found)
        return command_unknown (tool, words, count);
    (void)fprintf (tool->output, "%s", commands_exit_codes);
    return TOOL_YES;
}

static bool
asks_for_help (char *const *words, size_t count)
{
    for (size_t i = 0; i < count && strcmp (words[i], "--") != 0; i++)
        if (strcmp (words[i], "--help") == 0 || strcmp (words[i], "-h") == 0)
            return true;
    return false;
}

static int
command_run (struct tool *tool, const struct command *command,
             char *const *words, size_t count)
{
    char problem[OPTIONS_PROBLEM_MAX];
    struct arguments arguments;

    tool->command = command->name;
    tool->options = command->options;
    if (asks_for_help (words, count)) {
        help_command (tool->output, command);
        (void)fprintf (tool->output, "%s", commands_exit_codes);
        return TOOL_YES;
    }
    if (arguments_read (command->options, words, count, &arguments, problem)
        != 0)
        return tool_usage (tool, "%s", problem);
    if (arguments.operands < command->operands_min)
        return tool_usage (tool, "something is missing: govrelay %s %s",
                           command->name, command->usage);
    if (arguments.operands > command->operands_max)
        return tool_usage (tool, "'%s' is too much: govrelay %s %s",
                           arguments.operand[command->operands_max],
                           command->name, command->usage);
    return command->run (tool, &arguments);
}

static int
commands_dispatch (struct tool *tool, char *const *words, size_t count)
{
    if (count == 0) {
        (void)help_all (tool->errors);
        return TOOL_USAGE;
    }
    if (strcmp (words[0], "--version") == 0) {
        (void)fprintf (tool->output, "govrelay %s\n", GOVRELAY_VERSION);
        return TOOL_YES;
    }
    if (strcmp (words[0], "help") == 0)
        return help (tool, words + 1, count - 1);
    if (strcmp (words[0], "--help") == 0 || strcmp (words[0], "-h") == 0)
        return help (tool, words + 1, count - 1);

    const struct command *command = command_find (words, count);
    if (command != NULL) {
        size_t size = command_words (command);
        return command_run (tool, command, words + size, count - size);
    }
    /* `govrelay key --help` */
    if (count > 1 && asks_for_help (words + 1, count - 1))
        return help (tool, words, 1);
    return command_unknown (tool, words, count);
}

int
commands_run (struct tool *tool, char *const *words, size_t count)
{
    int code = commands_dispatch (tool, words, count);

    /* A disk that is full must not look like an answer. */
    if ((fflush (tool->output) != 0 || ferror (tool->output) != 0)
        && code == TOOL_YES)
        return tool_fail (tool, TOOL_NO, "standard output: %s",
                          strerror (errno));
    return code;
}
