/* SPDX-License-Identifier: MIT */
/* cmd_sign - `govrelay sign registration|veto|fork`, `govrelay attach`.
 *
 *   in   the fields of a message; a key file, or a public key whose secret is
 *        elsewhere
 *   out  one JSON message; or what is to be signed elsewhere
 *   owns nothing
 *
 * Next on the tour: messages/governance/compose.c
 */
#include <sodium.h>
#include <stdlib.h>

#include "hex.h"
#include "messages/governance/compose.h"
#include "tools/cmd.h"
#include "tools/input.h"
#include "tools/judge.h"
#include "tools/keyfile.h"

#define QUALIFICATION_MAX GOVERNANCE_PAYLOAD_MAX

/* The rows that all three share come first, in this order. */
enum {
    SIGN_KEY,
    SIGN_NETWORK,
    SIGN_TIMESTAMP,
    SIGN_MESSAGE_ID,
    SIGN_UNSIGNED,
    SIGN_PUBLIC_KEY,
    SIGN_SHARED_,
};

#define SIGN_SHARED_OPTIONS                                                    \
    [SIGN_KEY] = {"key", "FILE", "the key that signs"},                        \
    [SIGN_NETWORK] = {"network", "NAME",                                       \
                      "refuse a key of another network than this"},            \
    [SIGN_TIMESTAMP] = {"timestamp", "UNIX", "when; default: now"},            \
    [SIGN_MESSAGE_ID] = {"message-id", "ID", "its label; default: random"},    \
    [SIGN_UNSIGNED] = {"unsigned", NULL, "print what is to be signed"},        \
    [SIGN_PUBLIC_KEY] = {"public-key", "HEX",                                  \
                         "with --unsigned: the key that will sign"}

enum { REGISTRATION_TYPE = SIGN_SHARED_, REGISTRATION_NAME, REGISTRATION_DATA };

const struct option_row sign_registration_options[] = {
    SIGN_SHARED_OPTIONS,
    [REGISTRATION_TYPE] = {"type", "T",
                           "mining_pool exchange custodian payment_processor "
                           "major_holder commons_contributor"},
    [REGISTRATION_NAME] = {"name", "N", "the name of the node"},
    [REGISTRATION_DATA] = {"qualification", "FILE",
                           "its qualification_data, a JSON object"},
    {0},
};

enum { VETO_PR = SIGN_SHARED_, VETO_SIGNAL };

const struct option_row sign_veto_options[] = {
    SIGN_SHARED_OPTIONS,
    [VETO_PR] = {"pr", "N", "the number of the pull request"},
    [VETO_SIGNAL] = {"signal", "S", "veto, support or abstain"},
    {0},
};

enum { FORK_RULESET = SIGN_SHARED_, FORK_REASON };

const struct option_row sign_fork_options[] = {
    SIGN_SHARED_OPTIONS,
    [FORK_RULESET] = {"ruleset", "R", "the ruleset that is chosen"},
    [FORK_REASON] = {"reason", "TEXT", "why; not covered by the signature"},
    {0},
};

enum { ATTACH_SIGNATURE };

const struct option_row attach_options[] = {
    [ATTACH_SIGNATURE] = {"signature", "HEX", "128 lower-case hex characters"},
    {0},
};

/* What every signed message needs, whoever signs it. */
struct signer {
    struct key_context *keys; /* owned */
    bool has_key;             /* FILE holds a secret */
    struct keyfile file;
    const char *public_key; /* in FILE, or the caller's; borrowed */
    int64_t timestamp;
    char label[33];         /* room for a random one */
    const char *message_id; /* LABEL, or the caller's; borrowed */
};

static void
signer_done (struct signer *signer)
{
    if (signer->has_key)
        keyfile_done (&signer->file);
    key_context_destroy (&signer->keys);
}

static int
signer_read_key (struct tool *tool, const struct arguments *arguments,
                 struct signer *signer)
{
    const char *path = arguments->option[SIGN_KEY];
    enum network network;

    int rc = keyfile_read (signer->keys, path, &signer->file);
    if (rc != 0)
        return tool_fail (tool, TOOL_NO, "%s: %s", path,
                          keyfile_error_text (rc));
    signer->has_key = true;
    signer->public_key = signer->file.public_key;

    network = signer->file.network;
    int code = tool_network (tool, arguments, SIGN_NETWORK, &network);
    if (code == TOOL_YES && network != signer->file.network)
        return tool_fail (tool, TOOL_NO,
                          "%s is a key of the network %s, not of %s; use a key "
                          "of that network",
                          path, network_name (signer->file.network),
                          network_name (network));
    return code;
}

/* Either --key, or --unsigned with --public-key. */
static int
signer_check (struct tool *tool, const struct arguments *arguments)
{
    const char *public_key = arguments->option[SIGN_PUBLIC_KEY];
    bool elsewhere = arguments->option[SIGN_UNSIGNED] != NULL;
    enum key_scheme scheme;

    if (elsewhere && arguments->option[SIGN_KEY] != NULL)
        return tool_usage (tool, "--key signs, --unsigned does not; "
                                 "give one of them");
    if (elsewhere && public_key == NULL)
        return tool_usage (tool, "--unsigned needs --public-key HEX");
    if (!elsewhere && public_key != NULL)
        return tool_usage (tool, "--public-key goes with --unsigned");
    if (!elsewhere && arguments->option[SIGN_KEY] == NULL)
        return tool_usage (tool, "--key FILE is missing");
    if (public_key != NULL
        && public_key_form (bytes_of_text (public_key), &scheme) != 0)
        return tool_usage (tool, "--public-key: 66 (secp256k1, compressed) or "
                                 "64 (ed25519) lower-case hex characters");
    return TOOL_YES;
}

/* Fills RET, for signer_done whatever is returned. */
static int
signer_read (struct tool *tool, const struct arguments *arguments,
             struct signer *ret)
{
    uint8_t random[32];

    *ret = (struct signer){.public_key = arguments->option[SIGN_PUBLIC_KEY],
                           .message_id = arguments->option[SIGN_MESSAGE_ID]};
    int code = signer_check (tool, arguments);
    if (code == TOOL_YES)
        code = tool_integer (tool, arguments, SIGN_TIMESTAMP, INT64_MIN,
                             INT64_MAX, clock_unix_s (), &ret->timestamp);
    if (code != TOOL_YES)
        return code;

    randombytes_buf (random, sizeof random);
    hex_encode (bytes_of (random, 16), ret->label);
    if (ret->message_id == NULL)
        ret->message_id = ret->label;
    randombytes_buf (random, sizeof random);
    ret->keys = key_context_create (random);
    if (ret->keys == NULL)
        return tool_fail (tool, TOOL_NO, "out of memory");
    return arguments->option[SIGN_KEY] != NULL
               ? signer_read_key (tool, arguments, ret)
               : TOOL_YES;
}

static int
sign_refused (struct tool *tool, const struct refusal *why)
{
    return tool_fail (tool, TOOL_NO, "refused, %s: PROTOCOL %s: %s",
                      verdict_name (why->verdict), why->clause, why->what);
}

/* Prints MESSAGE as SIGNER wants it: signed, or what is to be signed. */
static int
sign_print (struct tool *tool, const struct signer *signer,
            enum command command, const char *message)
{
    struct bytes bytes = bytes_of_text (message);
    struct refusal why;
    char *text;

    if (!signer->has_key) {
        if (compose_signing_string (command, bytes, &text, &why)
            != VERDICT_ACCEPTED)
            return sign_refused (tool, &why);
        (void)fprintf (tool->output, "%s\n%s\n", text, message);
    } else {
        int rc = compose_signed (signer->keys, &signer->file.key, command,
                                 bytes, &text, &why);
        if (rc == -EINVAL)
            return sign_refused (tool, &why);
        if (rc != 0)
            return tool_fail (tool, TOOL_NO, "%s", strerror (-rc));
        (void)fprintf (tool->output, "%s\n", text);
    }
    free (text);
    return TOOL_YES;
}

/* As sign_print; MESSAGE is taken, and NULL when it could not be made. */
static int
sign_finish (struct tool *tool, const struct signer *signer,
             enum command command, char *message)
{
    if (message == NULL)
        return tool_fail (tool, TOOL_NO,
                          "a text is not UTF-8, or there is no memory");
    int code = sign_print (tool, signer, command, message);
    free (message);
    return code;
}

/* Returns the object in the file PATH, yours to json_decref; NULL after saying
 * why. */
static json_t *
qualification_read (struct tool *tool, const char *path)
{
    json_error_t error;
    size_t size;
    char *text;

    if (input_read_text (tool, path, QUALIFICATION_MAX, &text, &size)
        != TOOL_YES)
        return NULL;
    json_t *object = json_loadb (text, size, JSON_REJECT_DUPLICATES, &error);
    free (text);
    if (object == NULL)
        (void)tool_fail (
            tool, TOOL_NO, "%s:%d:%d: %s; it must be one JSON object",
            input_name (path), error.line, error.column, error.text);
    if (object != NULL && !json_is_object (object)) {
        json_decref (object);
        object = NULL;
        (void)tool_fail (tool, TOOL_NO, "%s: it must be one JSON object",
                         input_name (path));
    }
    return object;
}

static int
sign_registration (struct tool *tool, const struct arguments *arguments,
                   const struct signer *signer)
{
    struct registration_fields fields = {
        .entity_name = arguments->option[REGISTRATION_NAME],
        .public_key = signer->public_key,
        .timestamp = signer->timestamp,
        .message_id = signer->message_id,
    };
    const char *type = arguments->option[REGISTRATION_TYPE];

    if (node_type_from_name (type, &fields.node_type) != 0)
        return tool_usage (tool, "--type: '%s' is not one of %s", type,
                           tool->options[REGISTRATION_TYPE].sentence);
    json_t *qualification =
        qualification_read (tool, arguments->option[REGISTRATION_DATA]);
    if (qualification == NULL)
        return TOOL_NO;
    fields.qualification = qualification;
    int code = sign_finish (tool, signer, COMMAND_ECONREG,
                            compose_registration (&fields, NULL));
    json_decref (qualification);
    return code;
}

static int
sign_veto (struct tool *tool, const struct arguments *arguments,
           const struct signer *signer)
{
    struct veto_fields fields = {
        .public_key = signer->public_key,
        .timestamp = signer->timestamp,
        .message_id = signer->message_id,
    };
    const char *signal = arguments->option[VETO_SIGNAL];
    int64_t pr;

    int code = tool_integer (tool, arguments, VETO_PR, 1, INT32_MAX, 0, &pr);
    if (code != TOOL_YES)
        return code;
    fields.pr_id = (int32_t)pr;
    if (signal_type_from_name (signal, &fields.signal_type) != 0)
        return tool_usage (
            tool, "--signal: '%s' is not veto, support or abstain", signal);
    return sign_finish (tool, signer, COMMAND_ECONVETO,
                        compose_veto (&fields, NULL));
}

static int
sign_fork (struct tool *tool, const struct arguments *arguments,
           const struct signer *signer)
{
    struct fork_fields fields = {
        .public_key = signer->public_key,
        .chosen_ruleset = arguments->option[FORK_RULESET],
        .decision_reason = arguments->option[FORK_REASON],
        .timestamp = signer->timestamp,
        .message_id = signer->message_id,
    };

    return sign_finish (tool, signer, COMMAND_ECONFORK,
                        compose_fork (&fields, NULL));
}

/* Runs SIGN once its COUNT REQUIRED options and its signer are there. */
static int
sign (struct tool *tool, const struct arguments *arguments,
      const size_t *required, size_t count,
      int (*make) (struct tool *tool, const struct arguments *arguments,
                   const struct signer *signer))
{
    struct signer signer;

    int code = tool_require (tool, arguments, required, count);
    if (code != TOOL_YES)
        return code;
    code = signer_read (tool, arguments, &signer);
    if (code == TOOL_YES)
        code = make (tool, arguments, &signer);
    signer_done (&signer);
    return code;
}

int
cmd_sign_registration (struct tool *tool, const struct arguments *arguments)
{
    static const size_t required[] = {REGISTRATION_TYPE, REGISTRATION_NAME,
                                      REGISTRATION_DATA};

    return sign (tool, arguments, required, ARRAY_SIZE (required),
                 sign_registration);
}

int
cmd_sign_veto (struct tool *tool, const struct arguments *arguments)
{
    static const size_t required[] = {VETO_PR, VETO_SIGNAL};

    return sign (tool, arguments, required, ARRAY_SIZE (required), sign_veto);
}

int
cmd_sign_fork (struct tool *tool, const struct arguments *arguments)
{
    static const size_t required[] = {FORK_RULESET, FORK_REASON};

    return sign (tool, arguments, required, ARRAY_SIZE (required), sign_fork);
}

/* Skips the signing string that `sign --unsigned` prints first. */
static const char *
attach_message (const char *text)
{
    const char *end = strchr (text, '\n');

    return strncmp (text, "economic_node_", strlen ("economic_node_")) == 0
                   && end != NULL
               ? end + 1
               : text;
}

int
cmd_attach (struct tool *tool, const struct arguments *arguments)
{
    static const size_t required[] = {ATTACH_SIGNATURE};
    const char *path = arguments->operands > 0 ? arguments->operand[0] : NULL;
    const char *signature = arguments->option[ATTACH_SIGNATURE];
    char *text;
    size_t size;

    int code = tool_require (tool, arguments, required, ARRAY_SIZE (required));
    if (code != TOOL_YES)
        return code;
    if (signature_form (bytes_of_text (signature)) != 0)
        return tool_usage (tool, "--signature: 128 lower-case hex characters, "
                                 "r and s (secp256k1) or RFC 8032 (ed25519)");
    code =
        input_read_text (tool, path, 2 * GOVERNANCE_PAYLOAD_MAX, &text, &size);
    if (code != TOOL_YES)
        return code;
    char *message =
        compose_attach (bytes_of_text (attach_message (text)), signature);
    free (text);
    if (message == NULL)
        return tool_fail (tool, TOOL_NO,
                          "%s: no JSON message; it must be what "
                          "`govrelay sign ... --unsigned` "
                          "printed",
                          input_name (path));

    owned (key_context_destroy) struct key_context *keys =
        key_context_create (NULL);
    if (keys == NULL) {
        free (message);
        return tool_fail (tool, TOOL_NO, "out of memory");
    }
    /* Not the time: whoever signs elsewhere may need some. */
    struct judgement judgement =
        judge_signature (keys, COMMANDS_, bytes_of_text (message));
    if (judgement.verdict == VERDICT_ACCEPTED)
        (void)fprintf (tool->output, "%s\n", message);
    else
        code = sign_refused (tool, &judgement.why);
    free (message);
    return code;
}
