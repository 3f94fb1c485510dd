/* SPDX-License-Identifier: MIT */
/* config_test - precedence, every option from every source, rules between
 * options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base.h"
#include "supervisor/config_check.h"
#include "supervisor/config_option.h"
#include "supervisor/config_value.h"
#include "tests/supervisor/config_desk.h"

#define Z85_KEY "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define KEY_66                                                                 \
    "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5"

static void
test_without_file_every_option_has_its_default (void **state)
{
    struct desk *desk = *state;
    char path[128];

    check_loaded (desk, load_from (desk, NULL, NOTHING, NO_FLAGS));
    const struct config *config = desk->config;
    assert_string_equal (config->node_network, "main");
    assert_int_equal (config->node_listen.count, 0);
    assert_int_equal (config->node_max_inbound, 117);
    assert_int_equal (config->node_max_outbound, 8);
    assert_false (config->governance_enabled);
    assert_string_equal (config->governance_vpn_interface, "wg0");
    assert_int_equal (config->verifier_workers, 0);
    assert_int_equal (config->limits_peer_rate, 10);
    assert_int_equal (config->limits_peer_burst, 200);
    assert_int_equal (config->limits_max_ids, 1000000);
    assert_int_equal (config->limits_journal_bytes, 1073741824);
    assert_int_equal (config->gossip_trickle_ms, 250);
    assert_true (config->gossip_own_delay);
    assert_string_equal (config->tap_endpoint, "");
    assert_string_equal (config->console_listen, "127.0.0.1:9643");
    assert_string_equal (config->receiver_database, "sqlite:commons.db");
    assert_string_equal (config->log_level, "info");
    snprintf (path, sizeof (path), "%s/.govrelay/main", desk->directory);
    assert_string_equal (config_network_dir (config), path);
    assert_string_equal (config_origin (config, "node.listen"), "default");
    assert_null (config_origin (config, "node.nothing"));
}

static void
test_file_beats_default_environment_beats_file_flag_beats_all (void **state)
{
    struct desk *desk = *state;
    const char *text = "[node]\nmax_inbound = 1\n";
    char **environment = ENVIRONMENT ("GOVRELAY_NODE_MAX_INBOUND=2");
    char place[128];

    check_loaded (desk, load (desk, text, NOTHING, NO_FLAGS));
    assert_int_equal (desk->config->node_max_inbound, 1);
    snprintf (place, sizeof (place), "%s:2:15", desk->file);
    assert_string_equal (config_origin (desk->config, "node.max_inbound"),
                         place);

    check_loaded (desk, load (desk, text, environment, NO_FLAGS));
    assert_int_equal (desk->config->node_max_inbound, 2);
    assert_string_equal (config_origin (desk->config, "node.max_inbound"),
                         "environment GOVRELAY_NODE_MAX_INBOUND");

    check_loaded (
        desk, load (desk, text, environment, FLAGS ("--node.max_inbound=3")));
    assert_int_equal (desk->config->node_max_inbound, 3);
    assert_string_equal (config_origin (desk->config, "node.max_inbound"),
                         "--node.max_inbound");
}

static void
test_all_mistakes_are_said_at_once_in_the_order_of_the_file (void **state)
{
    struct desk *desk = *state;
    int rc = load (desk,
                   "[receiver]\nlisten = \"nowhere\"\n"
                   "[console]\nlisten = \"127.0.0.1:1\"\n"
                   "[node]\nmax_outbound = true\n"
                   "[governance]\nenabled = true\n",
                   ENVIRONMENT ("GOVRELAY_LOG_LEVEL=loud"),
                   FLAGS ("--node.max_inbound=many", "--gossip.own_delay=no"));

    assert_int_equal (rc, -EINVAL);
    assert_int_equal (config_problems_total (&desk->problems), 7);
    check_problem (desk, 0, ":2:10",
                   "receiver.listen: \"nowhere\" will not do; write "
                   "\"address:port\" or \"[IPv6 address]:port\"");
    check_problem (
        desk, 1, ":4:10",
        "console.listen: not supported by this version; leave it out");
    check_problem (desk, 2, ":6:16",
                   "node.max_outbound: true or false will not do; write a "
                   "whole number, 0 to 64");
    assert_string_equal (desk->problems.text[3],
                         "environment GOVRELAY_LOG_LEVEL: log.level: \"loud\" "
                         "will not do; write one of: broken warn info debug "
                         "wire");
    assert_string_equal (desk->problems.text[4],
                         "--node.max_inbound: node.max_inbound: \"many\" will "
                         "not do; write a whole number, 0 to 10000");
    assert_string_equal (desk->problems.text[5],
                         "--gossip.own_delay: gossip.own_delay: \"no\" will "
                         "not do; write true or false");
    check_problem (desk, 6, ":8:11",
                   "governance.enabled: nowhere to forward to; set "
                   "governance.commons_url");
}

/* A value of OPTION that is not its default: as a flag, and as TOML. */
static void
other_value (const struct config_option *option, char *flag, char *toml,
             size_t room)
{
    static const struct {
        const char *name, *value;
    } texts[] = {
        {"node.listen", "127.0.0.1:0"},
        {"node.peers", "relay.example.com:8643"},
        {"node.seeds", "seed.example.com"},
        {"node.noban", "10.0.0.0/8"},
        {"node.proxy", "socks5://127.0.0.1:9050"},
        {"governance.commons_url", "https://commons.example.com/api"},
        {"governance.commons_address", "192.0.2.1"},
        {"governance.vpn_interface", "tun0"},
        {"governance.pinned_public_key",
         "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
        {"verifier.allow_keys", KEY_66},
        {"verifier.deny_keys", KEY_66},
        {"tap.endpoint", "tcp://127.0.0.1:28640"},
        {"console.listen", "127.0.0.1:1"},
        {"receiver.listen", "127.0.0.1:1"},
        {"receiver.database", "sqlite:other.db"},
    };
    const char *value = "/nonexistent/file";

    for (size_t i = 0; i < ARRAY_SIZE (texts); i++)
        if (strcmp (texts[i].name, option->name) == 0)
            value = texts[i].value;
    if (option->type == OPTION_LINKS)
        value = "tcp://127.0.0.1:7101";
    if (option->type == OPTION_CHOICE)
        value = strrchr (option->check.choices, ' ') + 1;
    if (option->type == OPTION_BOOL)
        value = strcmp (option->preset, "true") == 0 ? "false" : "true";
    if (option->type == OPTION_INTEGER)
        value = "7";
    bool list = option->type == OPTION_STRINGS || option->type == OPTION_LINKS;
    bool bare = option->type == OPTION_BOOL || option->type == OPTION_INTEGER;
    snprintf (flag, room, "%s", value);
    snprintf (toml, room, "%s%s%s",
              list   ? "[\""
              : bare ? ""
                     : "\"",
              value,
              list   ? "\"]"
              : bare ? ""
                     : "\"");
}

/* What a source gave arrived, or was refused as not built yet. */
static void
check_arrived (struct desk *desk, const struct config_option *option, int rc,
               const char *toml)
{
    char shown[512];

    if (option->when == OPTION_LATER) {
        assert_int_equal (rc, -EINVAL);
        assert_int_equal (config_problems_total (&desk->problems), 1);
        assert_non_null (strstr (desk->problems.text[0],
                                 ": not supported by this version; leave it "
                                 "out"));
        assert_non_null (strstr (desk->problems.text[0], option->name));
        return;
    }
    /* The one option of the loop that names a file which must be there. */
    if (strcmp (option->name, "governance.api_key_file") == 0) {
        assert_int_equal (rc, -EINVAL);
        assert_non_null (strstr (desk->problems.text[0],
                                 "governance.api_key_file: there is none"));
        return;
    }
    if (strcmp (option->name, "governance.enabled") == 0) {
        assert_int_equal (rc, -EINVAL); /* without commons_url */
        return;
    }
    check_loaded (desk, rc);
    FILE *out = fmemopen (shown, sizeof (shown), "w");
    assert_non_null (out);
    struct config_value value = config_value_view (option, desk->config);
    config_value_print (out, option, &value);
    fclose (out);
    assert_string_equal (shown, toml);
    assert_string_not_equal (config_origin (desk->config, option->name),
                             "default");
}

static void
test_every_option_comes_from_file_environment_and_flag (void **state)
{
    struct desk *desk = *state;
    char value[256], toml[256], text[512], variable[CONFIG_VARIABLE_MAX];

    for (size_t i = 0; i < config_options_count; i++) {
        const struct config_option *option = &config_options[i];
        other_value (option, value, toml, sizeof (value));

        snprintf (text, sizeof (text), "[%s]\n%s = %s\n", option->table,
                  option->key, toml);
        check_arrived (desk, option, load (desk, text, NOTHING, NO_FLAGS),
                       toml);
        snprintf (text, sizeof (text), "%s=%s",
                  config_option_variable (option, variable), value);
        check_arrived (desk, option,
                       load (desk, "", ENVIRONMENT (text), NO_FLAGS), toml);
        snprintf (text, sizeof (text), "--%s=%s", option->name, value);
        check_arrived (desk, option, load (desk, "", NOTHING, FLAGS (text)),
                       toml);
        snprintf (text, sizeof (text), "--%s", option->name);
        check_arrived (desk, option,
                       load (desk, "", NOTHING, FLAGS (text, value)), toml);
    }
}

static void
test_what_is_not_built_yet_may_be_at_its_default_or_off (void **state)
{
    struct desk *desk = *state;

    check_loaded (
        desk, load (desk,
                    "[links]\nframes = []\n[curve]\nsecret_key_file = \"\"\n"
                    "[console]\nlisten = \"127.0.0.1:9643\"\n"
                    "[limits]\nunknown_rate = 2\n",
                    NOTHING, NO_FLAGS));
    check_loaded (
        desk, load (desk, "[console]\nlisten = \"off\"\n", NOTHING, NO_FLAGS));
    assert_string_equal (desk->config->console_listen, "off");
    check_refused (desk, "[receiver]\ndatabase = \"postgresql://u@h/d\"\n",
                   ":2:12",
                   "receiver.database: \"postgresql://u@h/d\" will not do; "
                   "PostgreSQL is not supported by this version; write "
                   "\"sqlite:FILE\"");
}

/* Takes the # from lines like `#key = value`; prose has a blank after it. */
static void
uncomment (char *text)
{
    char *to = text;

    for (const char *at = text; *at != '\0'; at++) {
        bool begins = at == text || at[-1] == '\n';
        if (!begins || *at != '#' || at[1] == ' ')
            *to++ = *at;
    }
    *to = '\0';
}

static void
test_sample_is_valid_as_it_is_and_with_every_key_in_force (void **state)
{
    struct desk *desk = *state;
    char *sample = NULL;
    size_t size;

    FILE *out = open_memstream (&sample, &size);
    assert_non_null (out);
    config_print_sample (out);
    fclose (out);
    check_loaded (desk, load (desk, sample, NOTHING, NO_FLAGS));
    assert_string_equal (config_origin (desk->config, "log.level"), "default");

    uncomment (sample);
    check_loaded (desk, load (desk, sample, NOTHING, NO_FLAGS));
    for (size_t i = 0; i < config_options_count; i++)
        assert_non_null (strstr (
            config_origin (desk->config, config_options[i].name), "t.toml:"));
    free (sample);
}

static void
test_origins_are_printed_as_toml_with_comments (void **state)
{
    struct desk *desk = *state;
    char *text = NULL;
    size_t size;

    check_loaded (desk, load (desk, "[node]\nnetwork = \"regtest\"\n", NOTHING,
                              FLAGS ("--node.peers=a:1,b:2")));
    FILE *out = open_memstream (&text, &size);
    assert_non_null (out);
    config_print_origins (out, desk->config);
    fclose (out);
    assert_non_null (strstr (text, "node.peers = [\"a:1\", \"b:2\"] # "
                                   "--node.peers\n"));
    assert_non_null (strstr (text, "log.level = \"info\" # default\n"));
    assert_non_null (strstr (text, "t.toml:2:11\n"));
    free (text);
}

static void
test_lists_of_flags_have_commas_and_add_up (void **state)
{
    struct desk *desk = *state;

    check_loaded (desk, load (desk, "[node]\npeers = [\"file:1\"]\n",
                              ENVIRONMENT ("GOVRELAY_NODE_NOBAN="),
                              FLAGS ("--node.peers=a:1, b:2", "--node.peers",
                                     "[::1]:3")));
    const struct string_list *peers = &desk->config->node_peers;
    assert_int_equal (peers->count, 3);
    assert_string_equal (peers->item[0], "a:1");
    assert_string_equal (peers->item[1], "b:2");
    assert_string_equal (peers->item[2], "[::1]:3");
    assert_int_equal (desk->config->node_noban.count, 0);
    assert_int_equal (load (desk, "", NOTHING, FLAGS ("--node.peers=a:1,,b:2")),
                      -EINVAL);
    assert_string_equal (desk->problems.text[0],
                         "--node.peers: node.peers: an item is empty; write "
                         "one comma between two");
}

static void
test_list_is_bounded (void **state)
{
    struct desk *desk = *state;
    char text[1024] = "--node.listen=[::]:0";

    for (int i = 1; i < 16; i++)
        strcat (text, ",[::]:0"); /* allowed: fits */
    check_loaded (desk, load (desk, "", NOTHING, FLAGS (text)));
    strcat (text, ",[::]:0"); /* allowed: fits */
    assert_int_equal (load (desk, "", NOTHING, FLAGS (text)), -EINVAL);
    assert_string_equal (desk->problems.text[0],
                         "--node.listen: node.listen: too many; write at most "
                         "16");
}

static void
test_unknown_variable_that_looks_like_an_option_is_a_mistake (void **state)
{
    struct desk *desk = *state;

    assert_int_equal (
        load (desk, "",
              ENVIRONMENT ("GOVRELAY_NODE_MAX_INBOND=1", "GOVRELAY_NODE_ZZZ=1",
                           "GOVRELAY_LGO_LEVEL=info"),
              NO_FLAGS),
        -EINVAL);
    assert_int_equal (config_problems_total (&desk->problems), 3);
    assert_string_equal (desk->problems.text[0],
                         "environment: unknown variable "
                         "\"GOVRELAY_NODE_MAX_INBOND\"; did you mean "
                         "GOVRELAY_NODE_MAX_INBOUND?");
    assert_string_equal (desk->problems.text[1],
                         "environment: unknown variable \"GOVRELAY_NODE_ZZZ\"; "
                         "leave it out");
    assert_string_equal (desk->problems.text[2],
                         "environment: unknown variable "
                         "\"GOVRELAY_LGO_LEVEL\"; did you mean "
                         "GOVRELAY_LOG_LEVEL?");
}

static void
test_variables_of_others_are_left_alone (void **state)
{
    struct desk *desk = *state;

    check_loaded (
        desk, load (desk, "",
                    ENVIRONMENT ("GOVRELAY_SERVICE_HOST=10.0.0.1",
                                 "GOVRELAY_PORT=tcp://10.0.0.1:80",
                                 "GOVRELAY_RECEIVER_PORT_80_TCP=x",
                                 "GOVRELAY_RECEIVER_SERVICE_PORT=80",
                                 "COMMONS_API_KEY=k", "PATH=/bin", "garbage"),
                    NO_FLAGS));
}

static void
test_named_file_must_exist_and_the_default_one_need_not (void **state)
{
    struct desk *desk = *state;
    char flag[128], path[128];

    assert_int_equal (load_from (desk, desk->file, NOTHING, NO_FLAGS), -EINVAL);
    check_problem (desk, 0, "",
                   "No such file or directory; name a file that can be read");
    assert_int_equal (load_from (desk, desk->directory, NOTHING, NO_FLAGS),
                      -EINVAL);

    snprintf (path, sizeof (path), "%s/govrelay.toml", desk->directory);
    snprintf (flag, sizeof (flag), "--datadir=%s/", desk->directory);
    write_file (path, "[log]\nlevel = \"wire\"\n", 21);
    check_loaded (desk, load_from (desk, NULL, NOTHING, FLAGS (flag)));
    assert_string_equal (desk->config->log_level, "wire");
    assert_string_equal (desk->config->node_datadir, desk->directory);
    assert_string_equal (config_origin (desk->config, "node.datadir"),
                         "--datadir");

    snprintf (flag, sizeof (flag), "GOVRELAY_NODE_DATADIR=%s", desk->directory);
    check_loaded (desk, load_from (desk, NULL, ENVIRONMENT (flag), NO_FLAGS));
    assert_string_equal (desk->config->log_level, "wire");
    unlink (path);
}

static void
test_home_is_needed_only_for_a_tilde (void **state)
{
    struct desk *desk = *state;
    struct config_override override = {"node.datadir", "--datadir", "/x/"};
    struct config_request request = {0};

    assert_int_equal (config_load (&request, &desk->config, &desk->problems),
                      -EINVAL);
    assert_int_equal (config_problems_total (&desk->problems), 1);
    assert_string_equal (desk->problems.text[0],
                         "default: node.datadir: HOME is not known; write the "
                         "whole path");
    config_problems_done (&desk->problems);

    request.override = &override;
    request.override_count = 1;
    check_loaded (desk, config_load (&request, &desk->config, &desk->problems));
    assert_string_equal (config_network_dir (desk->config), "/x/main");
}

static void
test_datadir_leaves_room_for_the_paths_of_sockets (void **state)
{
    struct desk *desk = *state;
    char text[128] = "--datadir=/";

    memset (text + strlen (text), 'x', 73);
    check_loaded (desk, load (desk, "", NOTHING, FLAGS (text)));
    strcat (text, "x"); /* allowed: fits */
    assert_int_equal (load (desk, "", NOTHING, FLAGS (text)), -EINVAL);
}

static void
test_plain_http_is_for_this_host_only (void **state)
{
    struct desk *desk = *state;

    check_loaded (desk, load (desk, "", NOTHING,
                              FLAGS ("--governance.enabled=true",
                                     "--governance.commons_url="
                                     "http://127.0.0.1:8080/")));
    check_refused (desk, "[governance]\ncommons_url = \"http://a.example\"\n",
                   ":2:15",
                   "governance.commons_url: http only for this host or through "
                   "the VPN; write https");
    /* One mistake is one line: the rule with `enabled` keeps quiet. */
    check_refused (desk,
                   "[governance]\nenabled = true\ncommons_url = \"ftp://a\"\n",
                   ":3:15",
                   "governance.commons_url: \"ftp://a\" will not do; write as "
                   "\"https://commons.example.com/api\", with neither user, "
                   "query nor fragment");
}

/* vpn_enabled is not built yet, so its rules are asked directly. */
static void
test_vpn_needs_an_interface_and_an_address (void **state)
{
    struct desk *desk = *state;

    check_loaded (desk, load (desk,
                              "[governance]\nvpn_interface = \"\"\n"
                              "commons_url = \"https://a.example/\"\n",
                              NOTHING, NO_FLAGS));
    desk->config->governance_vpn_enabled = true;
    config_check_together (desk->config, &desk->problems);
    assert_int_equal (config_problems_total (&desk->problems), 2);
    assert_string_equal (desk->problems.text[0],
                         "default: governance.vpn_enabled: no interface; set "
                         "governance.vpn_interface");
    assert_non_null (
        strstr (desk->problems.text[1], "set governance.commons_address"));

    check_loaded (desk, load (desk,
                              "[governance]\ncommons_address = \"10.0.0.1\"\n"
                              "commons_url = \"https://a.example/\"\n",
                              NOTHING, NO_FLAGS));
    desk->config->governance_vpn_enabled = true;
    config_check_together (desk->config, &desk->problems);
    assert_int_equal (config_problems_total (&desk->problems), 0);
}

static void
test_key_file_that_others_can_read_is_refused (void **state)
{
    struct desk *desk = *state;
    char path[128], text[256];

    snprintf (path, sizeof (path), "%s/key", desk->directory);
    snprintf (text, sizeof (text), "[governance]\napi_key_file = \"%s\"\n",
              path);
    write_file (path, "secret\n", 7);
    assert_int_equal (chmod (path, 0640), 0);
    check_refused (desk, text, ":2:16",
                   "governance.api_key_file: group or others have rights on "
                   "it; chmod 600 it");
    assert_int_equal (chmod (path, 0600), 0);
    check_loaded (desk, load (desk, text, NOTHING, NO_FLAGS));
    unlink (path);
}

/* The links are not built yet, so their rows are read directly. */
static void
test_link_binds_with_endpoints_and_connects_with_keys (void **state)
{
    (void)state;
    const struct config_option *frames = config_option_find ("links.frames");
    struct config_value value;
    struct config_reason reason;

    assert_int_equal (config_value_from_text (frames,
                                              "tcp://*:7101, tcp://[::1]:0",
                                              &value, &reason),
                      0);
    assert_int_equal (value.links.count, 2);
    assert_null (value.links.item[0].key);
    config_value_done (&value);

    assert_int_equal (config_value_from_text (
                          frames, "tcp://10.0.0.1:1 " Z85_KEY, &value, &reason),
                      0);
    assert_string_equal (value.links.item[0].endpoint, "tcp://10.0.0.1:1");
    assert_string_equal (value.links.item[0].key, Z85_KEY);
    config_value_done (&value);

    assert_int_equal (
        config_value_from_text (
            frames, "tcp://10.0.0.1:1 " Z85_KEY ",tcp://h:1", &value, &reason),
        -EINVAL);
    assert_int_equal (config_value_from_text (frames, "tcp://10.0.0.1:1 short",
                                              &value, &reason),
                      -EINVAL);
    assert_int_equal (
        config_value_from_text (frames, "udp://10.0.0.1:1", &value, &reason),
        -EINVAL);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_without_file_every_option_has_its_default),
        TEST (test_file_beats_default_environment_beats_file_flag_beats_all),
        TEST (test_all_mistakes_are_said_at_once_in_the_order_of_the_file),
        TEST (test_every_option_comes_from_file_environment_and_flag),
        TEST (test_what_is_not_built_yet_may_be_at_its_default_or_off),
        TEST (test_sample_is_valid_as_it_is_and_with_every_key_in_force),
        TEST (test_origins_are_printed_as_toml_with_comments),
        TEST (test_lists_of_flags_have_commas_and_add_up),
        TEST (test_list_is_bounded),
        TEST (test_unknown_variable_that_looks_like_an_option_is_a_mistake),
        TEST (test_variables_of_others_are_left_alone),
        TEST (test_named_file_must_exist_and_the_default_one_need_not),
        TEST (test_home_is_needed_only_for_a_tilde),
        TEST (test_datadir_leaves_room_for_the_paths_of_sockets),
        TEST (test_plain_http_is_for_this_host_only),
        TEST (test_vpn_needs_an_interface_and_an_address),
        TEST (test_key_file_that_others_can_read_is_refused),
        TEST (test_link_binds_with_endpoints_and_connects_with_keys),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
