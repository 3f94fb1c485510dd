/* SPDX-License-Identifier: MIT */
/* config_check - what must hold between options.
 *
 *   in   a configuration whose single values have their form
 *   out  problems, at the place of the option that asks for another
 *   owns nothing
 *
 * Next on the tour: supervisor/config.c
 */
#include "supervisor/config_check.h"

#include "supervisor/config_form.h"
#include "supervisor/config_layers.h"
#include "supervisor/secret.h"

/* sun_path less its NUL, less the longest name of a socket in the directory. */
#define SOCKET_DIR_MAX (107 - 24)

struct check {
    const struct config *config;
    struct config_problems *problems;
};

static bool
is_sound (const struct check *check, const char *name)
{
    const struct config_option *option = config_option_find (name);
    assert (option != NULL);
    return !config_origin_of (check->config, option)->refused;
}

static void
complain (const struct check *check, const char *name, const char *what)
{
    config_problems_add (check->problems, config_origin (check->config, name),
                         "%s: %s", name, what);
}

static void
check_commons (const struct check *check)
{
    const struct config *config = check->config;
    const char *asks = config->governance_enabled ? "governance.enabled"
                                                  : "governance.auto_detect";
    struct url url;

    if (!is_sound (check, "governance.commons_url"))
        return;
    if (*config->governance_commons_url == '\0') {
        if (config->governance_enabled || config->governance_auto_detect)
            complain (check, asks,
                      "nowhere to forward to; set governance.commons_url");
        return;
    }
    int rc = url_split (config->governance_commons_url, &url);
    assert (rc == 0); /* its form was checked */
    /* The key and the votes would cross a network in the clear. */
    if (!url.https && !host_is_loopback (url.host)
        && !config->governance_vpn_enabled
        && is_sound (check, "governance.vpn_enabled"))
        complain (check, "governance.commons_url",
                  "http only for this host or through the VPN; write https");
}

/* PITFALLS: with a name, libcurl would ask the resolver beside the VPN. */
static void
check_vpn (const struct check *check)
{
    const struct config *config = check->config;
    struct url url;

    if (!config->governance_vpn_enabled)
        return;
    if (*config->governance_vpn_interface == '\0'
        && is_sound (check, "governance.vpn_interface"))
        complain (check, "governance.vpn_enabled",
                  "no interface; set governance.vpn_interface");
    if (*config->governance_commons_address != '\0'
        || !is_sound (check, "governance.commons_address")
        || !is_sound (check, "governance.commons_url")
        || url_split (config->governance_commons_url, &url) != 0)
        return;
    if (!host_is_address (url.host))
        complain (check, "governance.vpn_enabled",
                  "a look-up of the host's name would go beside the VPN; set "
                  "governance.commons_address");
}

static void
check_api_key (const struct check *check)
{
    const char *path = check->config->governance_api_key_file;
    char *secret = NULL;

    if (*path == '\0' || !is_sound (check, "governance.api_key_file"))
        return;
    int rc = secret_find (path, "", NULL, &secret);
    secret_destroy (&secret);
    if (rc != 0)
        complain (check, "governance.api_key_file", secret_error_text (rc));
}

static void
check_tls (const struct check *check)
{
    bool certificate = *check->config->receiver_tls_certificate != '\0';
    bool key = *check->config->receiver_tls_key != '\0';

    if (certificate && !key && is_sound (check, "receiver.tls_key"))
        complain (check, "receiver.tls_certificate",
                  "of no use alone; set receiver.tls_key");
    if (key && !certificate && is_sound (check, "receiver.tls_certificate"))
        complain (check, "receiver.tls_key",
                  "of no use alone; set receiver.tls_certificate");
}

static void
check_datadir (const struct check *check)
{
    /* "testnet4" stands for the longest network. */
    size_t size = strlen (check->config->node_datadir) + strlen ("/testnet4");

    if (is_sound (check, "node.datadir") && size > SOCKET_DIR_MAX)
        complain (check, "node.datadir",
                  "too long for the paths of local sockets; choose one of at "
                  "most 74 bytes");
}

void
config_check_together (const struct config *config,
                       struct config_problems *problems)
{
    struct check check = {.config = config, .problems = problems};

    check_datadir (&check);
    check_commons (&check);
    check_vpn (&check);
    check_api_key (&check);
    check_tls (&check);
}
