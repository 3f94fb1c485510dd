/* SPDX-License-Identifier: MIT */
/* cmd_key - `govrelay key new`, `govrelay key show`.
 *
 *   in   a type and a network, or a key file
 *   out  a key file; its public part on standard output
 *   owns nothing
 *
 * Next on the tour: tools/keyfile.c
 */
#include <sodium.h>

#include "tools/cmd.h"
#include "tools/keyfile.h"

enum { NEW_TYPE, NEW_NETWORK, NEW_JSON };

const struct option_row key_new_options[] = {
    [NEW_TYPE] = {"type", "TYPE", "secp256k1 (default) or ed25519"},
    [NEW_NETWORK] = {"network", "NAME",
                     "main (default) test testnet4 signet regtest"},
    [NEW_JSON] = {"json", NULL, "print one JSON object"},
    {0},
};

enum { SHOW_JSON };

const struct option_row key_show_options[] = {
    [SHOW_JSON] = {"json", NULL, "print one JSON object"},
    {0},
};

static int
key_scheme_read (struct tool *tool, const char *text,
                 enum key_scheme *ret_scheme)
{
    for (unsigned i = 0; text != NULL && i < KEY_SCHEMES_; i++)
        if (strcmp (text, key_scheme_name ((enum key_scheme)i)) == 0) {
            *ret_scheme = (enum key_scheme)i;
            return TOOL_YES;
        }
    if (text == NULL)
        return TOOL_YES;
    return tool_usage (tool, "--type: '%s' is neither secp256k1 nor ed25519",
                       text);
}

/* Prints what everybody may know of FILE. */
static int
key_print (struct tool *tool, const struct keyfile *file, bool json)
{
    if (json)
        return tool_print_json (
            tool, json_pack ("{s:s, s:s, s:s}", "type",
                             key_scheme_name (file->key.scheme), "network",
                             network_name (file->network), "public_key",
                             file->public_key));
    tool_print_row (tool, "type", key_scheme_name (file->key.scheme));
    tool_print_row (tool, "network", network_name (file->network));
    tool_print_row (tool, "public_key", file->public_key);
    return TOOL_YES;
}

int
cmd_key_new (struct tool *tool, const struct arguments *arguments)
{
    enum key_scheme scheme = KEY_SECP256K1;
    enum network network = NETWORK_MAIN;
    uint8_t random[32];
    struct keyfile file;

    int code = key_scheme_read (tool, arguments->option[NEW_TYPE], &scheme);
    if (code == TOOL_YES)
        code = tool_network (tool, arguments, NEW_NETWORK, &network);
    if (code != TOOL_YES)
        return code;

    randombytes_buf (random, sizeof random);
    owned (key_context_destroy) struct key_context *keys =
        key_context_create (random);
    if (keys == NULL)
        return tool_fail (tool, TOOL_NO, "out of memory");
    int rc = keyfile_make (keys, scheme, network, &file);
    if (rc == 0)
        rc = keyfile_write (&file, arguments->operand[0]);
    if (rc == 0)
        code = key_print (tool, &file, arguments->option[NEW_JSON] != NULL);
    else
        code = tool_fail (tool, TOOL_NO, "%s: %s", arguments->operand[0],
                          keyfile_error_text (rc));
    keyfile_done (&file);
    return code;
}

int
cmd_key_show (struct tool *tool, const struct arguments *arguments)
{
    struct keyfile file;

    owned (key_context_destroy) struct key_context *keys =
        key_context_create (NULL);
    if (keys == NULL)
        return tool_fail (tool, TOOL_NO, "out of memory");
    int rc = keyfile_read (keys, arguments->operand[0], &file);
    if (rc != 0)
        return tool_fail (tool, TOOL_NO, "%s: %s", arguments->operand[0],
                          keyfile_error_text (rc));
    int code = key_print (tool, &file, arguments->option[SHOW_JSON] != NULL);
    keyfile_done (&file);
    return code;
}
