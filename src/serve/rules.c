/*
 * rules.c: the rules while serve runs: looked at, taken over when they are watched, shown in status and metrics.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/log.h"
#include "base/mem.h"
#include "serve/parts.h"
#include <string.h>

const char *ptv_generation_refused(const ptv_generation *g)
{
    ptv_rules_view v;
    ptv_client_rules(g->client, &v);
    return g->broken ? g->broken : v.refused;
}

void ptv_rules_show(ptv_serve *s)
{
    ptv_rules_view v;
    ptv_client_rules(s->now->client, &v);
    bool is_new = ptv_metrics_text(s->metrics, PTV_TEXT_RULESET, v.digest);
    is_new |= ptv_metrics_text(s->metrics, PTV_TEXT_RULES_ON_DISK, v.unreadable ? "none" : v.on_disk);
    is_new |= ptv_metrics_text(s->metrics, PTV_TEXT_RULES_ERROR, ptv_generation_refused(s->now));
    is_new |= ptv_metrics_text(s->metrics, PTV_TEXT_RULES_OFF, v.off_reason);
    if (is_new) /* who looks with `status` sees it at once */
        s->status_at_ms = 0;
    ptv_metrics_set(s->metrics, PTV_METRIC_RULES_CHANGED,
                    v.unreadable || (v.on_disk && (!v.digest || strcmp(v.digest, v.on_disk) != 0)));
    ptv_metrics_set(s->metrics, PTV_METRIC_RULES_LAST_GOOD, v.last_good);
    ptv_metrics_set(s->metrics, PTV_METRIC_RULES_OFF, (int64_t)v.off);
    ptv_metrics_set(s->metrics, PTV_METRIC_RULE_PROCESS_STARTS, (int64_t)v.process_starts);
    ptv_metrics_set(s->metrics, PTV_METRIC_RULE_PROCESS_KILLS, (int64_t)v.process_kills);
}

/* Only the rules: what runs goes on with those it began with. */
static void take(ptv_serve *s)
{
    ptv_error err = { 0 };
    ptv_generation *g = s->now;
    if (ptv_client_reload(g->client, g->config, NULL, &err)) { /* it has been said */
        ptv_metrics_add(s->metrics, PTV_METRIC_RELOADS_REFUSED, 1);
        return;
    }
    if (g->broken) {
        ptv_free(g->broken);
        g->broken = NULL;
        ptv_worker_use(s->worker, &g->settings.worker, g->client, NULL);
    }
    if (s->httpd)
        ptv_httpd_forget(s->httpd);
    ptv_metrics_add(s->metrics, PTV_METRIC_RELOADS, 1);
}

void ptv_rules_watch(ptv_serve *s)
{
    ptv_error err = { 0 };
    bool changed = false;
    if (ptv_rules_look(&changed, s->now->client, s->now->config, &err))
        ptv_log(PTV_LOG_WARNING, "rules", "%s", err.msg);
    if (changed && s->phase == PTV_SERVING && ptv_config_bool(s->now->config, PTV_OPT_WATCH_RULES))
        take(s);
    ptv_rules_show(s);
}
