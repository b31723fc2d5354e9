/*
 * import.c: bring an export.res to the platform: log in, import, accept.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "serve/serve.h"
#include "serve/settings.h"

static ptv_code finish(ptv_rest *rest, const ptv_transport *net, ptv_error *err)
{
    ptv_code rc = PTV_OK;
    bool done = false;
    while (!rc && !done) {
        rc = net->poll(net->self, 1000, err);
        if (!rc)
            rc = ptv_rest_step(rest, &done, err);
    }
    return rc;
}

ptv_code ptv_serve_import(const ptv_config *config, const char *json, size_t len, ptv_error *err)
{
    ptv_serve_settings settings;
    ptv_transport net = { 0 };
    ptv_rest *rest = NULL;
    ptv_code rc = ptv_serve_settings_read(&settings, config, err);
    if (!rc && !settings.has_platform)
        rc = ptv_fail(err, PTV_ESETTINGS, "which platform? There is no section [resilient]%s", ptv_config_place(config));
    if (!rc)
        rc = ptv_http_new(&net, &settings.rest_http, err);
    if (!rc) {
        rest = ptv_rest_new(&settings.rest, &net);
        rc = rest ? ptv_rest_login(rest, err) : ptv_fail_nomem(err);
    }
    if (!rc)
        rc = finish(rest, &net, err);
    if (!rc)
        rc = ptv_rest_import(rest, json, len, err);
    if (!rc)
        rc = finish(rest, &net, err);
    ptv_rest_free(rest);
    if (net.free)
        net.free(net.self);
    ptv_serve_settings_release(&settings);
    return rc;
}
