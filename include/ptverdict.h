/*
 * ptverdict.h: is this site compromised, by our own definition?
 *
 * The only public header. It includes nothing of ours, compiles alone in C11 and in C++, and holds the
 * plain types (codes, verdicts, sections) that every folder of the library shares.
 *
 * Ownership, in four words used throughout:
 *   yours     free it with the function named
 *   borrowed  lives until the named owner changes or dies
 *   copied    the callee keeps its own copy
 *   arena     lives and dies with the lookup it belongs to
 *
 * A client belongs to one thread at a time; only ptv_wakeup() may be called from elsewhere. The library
 * never exits and never prints. A function that can fail returns a ptv_code and fills *err, which is
 * never NULL; on failure its outputs are untouched.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTVERDICT_H
#define PTVERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PTV_API __attribute__((visibility("default")))
#if defined(__GNUC__)
#define PTV_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define PTV_PRINTF(fmt, args)
#endif

#define PTV_VERSION "0.1.0"

/* ------------------------------------------------------------------------------------------ errors */

typedef enum ptv_code {
    PTV_OK = 0,
    PTV_EINVAL,    /* the input is not what it should be: artifact, record, argument */
    PTV_ERULES,    /* rule files that do not load; the findings say where */
    PTV_ESETTINGS, /* a setting missing, malformed or refused */
    PTV_ENOMEM,    /* the machine has no memory left */
    PTV_ETOOBIG,   /* a ceiling of ours was reached: body, arena, source text */
    PTV_ETIMEOUT,  /* nobody answered in time */
    PTV_ENET,      /* no connection, connection lost, TLS refused; detail is the CURLcode */
    PTV_EHTTP,     /* an HTTP status that is a failure; detail is the status */
    PTV_EKEY,      /* user or key refused (401) */
    PTV_EQUOTA,    /* quota used up (429, or its text in any body) */
    PTV_ESHAPE,    /* answered, but not in the shape expected; detail may be a byte offset */
    PTV_ENOENTRY,  /* a source has nothing on this artifact; the next one is asked */
    PTV_EIO,       /* reading or writing a file failed; detail is errno */
    PTV_EFULL,     /* max_in_flight lookups are under way: ptv_wait(), then try again */
    PTV_ELIMIT,    /* a rule went over its instruction, memory or block limit */
    PTV_EBUG       /* our mistake */
} ptv_code;

typedef struct ptv_error {
    ptv_code code; /* the first failure's code; wrapping never changes it */
    int detail;    /* errno, CURLcode, HTTP status or byte offset, as `code` implies; 0 if none */
    char msg[512]; /* from the outside in: "lookup a.test: passivetotal: tags: HTTP 429"; no newline */
} ptv_error;

/* A short stable word for a code: "EINVAL", "EQUOTA". Borrowed for ever. */
PTV_API const char *ptv_code_name(ptv_code code);

/* -------------------------------------------------------------------------------------- plain types */

typedef enum ptv_verdict {
    PTV_VERDICT_NO_MATCH,   /* every live rule was decided and none matched; not a clean bill */
    PTV_VERDICT_SKIPPED,    /* not routable: nothing could be asked, and no rule matched without asking */
    PTV_VERDICT_UNKNOWN,    /* data that could have changed the answer was not read */
    PTV_VERDICT_COMPROMISED /* a live rule matched at or above alert_from */
} ptv_verdict;

typedef enum ptv_level {
    PTV_LEVEL_NONE, /* no rule matched */
    PTV_LEVEL_INFO,
    PTV_LEVEL_LOW,
    PTV_LEVEL_MEDIUM,
    PTV_LEVEL_HIGH,
    PTV_LEVEL_CRITICAL
} ptv_level;

/* Sections of a record, in table order. One upstream call fills one section. */
typedef enum ptv_section {
    PTV_ACCOUNT,
    PTV_TAGS,
    PTV_CLASSIFICATION,
    PTV_PASSIVE_DNS,
    PTV_SUBDOMAINS,
    PTV_SECTION_COUNT,
    PTV_ALWAYS = PTV_SECTION_COUNT /* fields of the artifact itself: known without asking */
} ptv_section;

typedef uint32_t ptv_sections; /* a set of sections: bit 1u << section */
#define PTV_BIT(section) (1u << (section))

typedef enum ptv_format {
    PTV_FORMAT_TEXT,    /* for people */
    PTV_FORMAT_JSON,    /* one decision object, one line; docs/decision.schema.json */
    PTV_FORMAT_CSV,     /* one row; ptv_csv_header() gives the first line */
    PTV_FORMAT_SOAR,    /* the function result of the SOAR platform (payload 2.0), one line */
    PTV_FORMAT_RECORD,  /* the normalised record, one line */
    PTV_FORMAT_ANSWERS, /* the raw answers, one JSON object a line, as an archive keeps them */
    PTV_FORMAT_JUNIT,   /* test runs only */
    PTV_FORMAT_COMPACT  /* the compact record: one line that eval and diff read without parsing raw JSON again */
} ptv_format;

/* Flags of ptv_report_write(). */
enum {
    PTV_WRITE_COLOR = 1u << 0,  /* text: colour and box drawing */
    PTV_WRITE_EXPLAIN = 1u << 1 /* text and json: add the tree of conditions */
};

PTV_API const char *ptv_verdict_name(ptv_verdict v); /* "compromised" "unknown" "no_match" "skipped" */
PTV_API const char *ptv_level_name(ptv_level l);     /* "none" "info" … "critical" */
PTV_API const char *ptv_section_name(ptv_section s); /* "tags" "passive_dns" … */
PTV_API bool ptv_level_parse(ptv_level *out, const char *name);

/* Receives bytes; non-zero stops the writing and comes back as PTV_EIO. */
typedef int ptv_write_fn(void *to, const char *bytes, size_t len);

/* ----------------------------------------------------------------------------------------- settings */

typedef struct ptv_config ptv_config;

/* An empty configuration: every setting at its default, the environment already read. Yours: ptv_config_free(). */
PTV_API ptv_code ptv_config_new(ptv_config **out, ptv_error *err);
/* Read an app.config. path NULL: search the usual places (docs/settings.md); none found is not an error.
 * Errors: PTV_ESETTINGS with file:line, PTV_EIO. The configuration is changed only when all of it was read. */
PTV_API ptv_code ptv_config_read(ptv_config *c, const char *path, ptv_error *err);
/* One setting from a flag: "key=value", or "section.key=value". Outranks file and environment. */
PTV_API ptv_code ptv_config_set(ptv_config *c, const char *assignment, ptv_error *err);
PTV_API void ptv_config_free(ptv_config *c); /* NULL is fine */

/* ----------------------------------------------------------------------------------------- findings */

/* What check, load and start-up say about rule files: one list, in order of file and line. */
typedef struct ptv_findings ptv_findings;
typedef enum ptv_grade { PTV_NOTE, PTV_WARNING, PTV_ERROR } ptv_grade;
typedef struct ptv_finding {
    ptv_grade grade;
    const char *file;    /* as the user named it */
    int line;            /* 1-based; 0 when the finding is about the whole file */
    const char *code;    /* "E-NAME", "W-UNUSED-SETTING": stable, listed in docs/rules.md */
    const char *message; /* without file, line and code */
} ptv_finding;           /* all strings borrowed from the list */

PTV_API ptv_code ptv_findings_new(ptv_findings **out, ptv_error *err);
PTV_API size_t ptv_findings_count(const ptv_findings *f, ptv_grade at_least);
PTV_API const ptv_finding *ptv_findings_at(const ptv_findings *f, size_t index); /* NULL past the end */
PTV_API void ptv_findings_free(ptv_findings *f);                                 /* NULL is fine */

/* ------------------------------------------------------------------------------------------- client */

typedef struct ptv_client ptv_client; /* one per thread; owns rules, sources, connections */
typedef struct ptv_report ptv_report; /* a finished answer: immutable, owns all it hands out */

#define PTV_NO_TIME INT64_MIN

/* How a client is made. Zero is the default everywhere. */
typedef struct ptv_client_options {
    const char *const *rules; /* rule folders or files; NULL: the setting `rules` */
    size_t rules_count;
    bool offline;        /* no source is opened: eval, check, test, diff */
    bool check_sources;  /* offline, but a live rule that reads what no configured source gives is an error, as in lookups */
    bool keep_answers;   /* keep raw bodies, for PTV_FORMAT_SOAR and PTV_FORMAT_ANSWERS */
    bool explain;        /* keep the tree of conditions, for PTV_WRITE_EXPLAIN */
    const char *why_not; /* a rule id: reports say which conditions would have to change for it to match; copied */
    bool without_rules;  /* fetch only: no rule is loaded, every section is asked */
    bool check_quota;    /* ask the account for the quota, beside other calls, every `quota_check_every` */
    bool keep_in_memory; /* without the setting `state`: answers are cached as long as the client lives */
    bool not_routable;   /* eval judges as a lookup does that may ask nobody: skipped where no rule matches */
    bool last_good;      /* rules that do not load are no error where the folder of the setting `state` keeps those that were
                          * in use last: they are loaded in their place; ptv_client_rules() tells */
    bool separate_rules; /* custom conditions run in a process of their own, as with the setting rule_process; the program
                          * is started again for it, and its main() must call ptv_rule_process_main() first */
    int64_t now_utc;     /* seconds; PTV_NO_TIME or 0: the clock at each lookup, the record's time at each eval */
} ptv_client_options;

/*
 * Load the rules and open the sources.
 *
 *   config    copied, as far as the client needs it
 *   options   may be NULL; copied with all it points at
 *   findings  may be NULL; receives what the rule files have to say, on success and on PTV_ERULES
 *
 * Errors: PTV_ERULES, PTV_ESETTINGS, PTV_ENOMEM, PTV_EIO.
 */
PTV_API ptv_code ptv_client_new(ptv_client **out, const ptv_config *config, const ptv_client_options *options,
                                ptv_findings *findings, ptv_error *err);
PTV_API void ptv_client_free(ptv_client *c); /* NULL is fine; lookups under way are dropped */

/*
 * Load the rules anew, and take over what judging is set to (alert_from, note_from, stale …): all of it or nothing. Lookups
 * under way are judged by the rules they began with. Sources and connections stay as they are: for those, make a new client.
 * Errors: as ptv_client_new(); what was loaded before is then in force still.
 */
PTV_API ptv_code ptv_client_reload(ptv_client *c, const ptv_config *config, ptv_findings *findings, ptv_error *err);

/* The rules of a client, and how they do. Texts are borrowed from the client until the next call on it. */
typedef struct ptv_rules_view {
    const char *digest;  /* of those loaded; NULL: none */
    const char *on_disk; /* of the files, when they were looked at last; NULL: they cannot be read, or nobody looked */
    bool unreadable;     /* somebody looked, and they cannot be read; `refused` says why */
    const char *refused; /* why the files are not what is loaded: "10-tags.lua:12: …"; NULL: they are, or nobody tried */
    bool last_good;      /* they came from the state folder, in the place of others that do not load */
    long process;        /* of custom conditions; 0: there is none */
    uint64_t process_starts, process_kills;
    size_t off;             /* custom conditions that are an error until the rules are loaded again */
    const char *off_reason; /* of the first; NULL */
} ptv_rules_view;
PTV_API void ptv_client_rules(const ptv_client *c, ptv_rules_view *out);
/*
 * Put a rule folder in the place of the one that the settings name: a copy, in one step, whole or not at all. The old one is
 * kept beside it.
 *
 *   digest  what the folder's rules must have, as ptv_client_rules() told it when they were looked at; NULL: any
 *
 * Errors: PTV_ESETTINGS the settings name no folder that could be replaced, PTV_EIO, PTV_ENOMEM. Nothing has changed then.
 */
typedef struct ptv_applied {
    char path[4096]; /* where the rules are */
    char kept[4096]; /* where the old ones are; "": there were none */
} ptv_applied;
PTV_API ptv_code ptv_rules_apply(ptv_applied *out, const ptv_config *config, const char *folder, const char *digest,
                                 ptv_error *err);
/* Where that would be: out->path, and out->kept "". Errors: as above. */
PTV_API ptv_code ptv_rules_place(ptv_applied *out, const ptv_config *config, ptv_error *err);
/* They were tried by another client, and refused: tell so from now on. */
PTV_API void ptv_client_refuse(ptv_client *c, const char *why);
/* Look at the rule files, now and then. *changed: they are not those loaded or refused last, and have been the same for two
 * seconds. Says into the log, and again every ten minutes, that they cannot be read or were refused. Errors: PTV_ESETTINGS,
 * PTV_ENOMEM. */
PTV_API ptv_code ptv_rules_look(bool *changed, ptv_client *c, const ptv_config *config, ptv_error *err);

/* For the main() of a program that was started as "PROGRAM rule-process". Does not return, unless somebody typed that. */
PTV_API int ptv_rule_process_main(void);

/*
 * Look up one artifact with every configured source and rule.
 *
 *   out    yours, ptv_report_free() it; untouched on failure
 *   text   DNS name, address or URL as a person types it ("a[.]test" is fine); copied
 *   type   what the caller says it is ("IP Address", "DNS Name", "URL", "net.name" …), or NULL to look
 *
 * A call that fails does not fail the lookup: the report's verdict, missing sections and reasons tell.
 * Blocks at most the setting `deadline`. Errors: PTV_EINVAL not an artifact, or the client was made offline, PTV_ENOMEM.
 */
PTV_API ptv_code ptv_lookup(ptv_report **out, ptv_client *c, const char *text, const char *type, ptv_error *err);

/* Many at once, one thread: submit, then wait for whichever is ready. ptv_lookup() is these three in a row.
 * The same artifact submitted twice while under way is fetched once; each submit gets its own report. */
PTV_API ptv_code ptv_submit(ptv_client *c, const char *text, const char *type, void *tag, ptv_error *err); /* PTV_EFULL */
/* The same; lines of the log about it begin with this name, "[invid:80]", and leave the artifact out. */
PTV_API ptv_code ptv_submit_named(ptv_client *c, const char *text, const char *type, const char *name, void *tag,
                                  ptv_error *err);
PTV_API ptv_code ptv_wait(ptv_client *c, int timeout_ms, ptv_error *err); /* PTV_ETIMEOUT: nothing ready yet */
PTV_API bool ptv_next(ptv_client *c, ptv_report **out, void **tag);       /* false: none finished */
PTV_API void ptv_wakeup(ptv_client *c); /* ends a ptv_wait() early; from any thread or signal handler */
/* Have ptv_wait() end, with PTV_ETIMEOUT, when this descriptor is ready too; events as for poll(). One at a time, -1: none.
 * While one is watched ptv_wait() waits its whole time also with nothing under way. */
PTV_API void ptv_watch(ptv_client *c, int fd, short events);
PTV_API size_t ptv_in_flight(const ptv_client *c);
/* True once a source's quota or key is used up, so that further lookups would only be unknown. */
PTV_API bool ptv_exhausted(const ptv_client *c, const char **why);
/* Searches left on the key, as the source said last; -1: not known. */
PTV_API int64_t ptv_quota_left(const ptv_client *c);

/*
 * Judge a record that is already there: no network, no key.
 *
 *   text, len  one JSON object (normalised record or short form), or the saved answers of one artifact,
 *              one JSON object a line; or one compact record; or a line of the decision log
 *
 * Errors: PTV_EINVAL not a record (what and where), PTV_ENOMEM.
 */
PTV_API ptv_code ptv_eval(ptv_report **out, ptv_client *c, const char *text, size_t len, ptv_error *err);

/* ------------------------------------------------------------------------------------------- report */

PTV_API void ptv_report_free(ptv_report *r); /* NULL is fine */
/* The same for a report of ptv_eval(), on the client's thread: its memory serves the next ptv_eval(). */
PTV_API void ptv_report_recycle(ptv_client *c, ptv_report *r);
PTV_API const char *ptv_report_artifact(const ptv_report *r); /* normalised; borrowed from r, as all below */
PTV_API const char *ptv_report_input(const ptv_report *r);    /* as given */
PTV_API ptv_verdict ptv_report_verdict(const ptv_report *r);
PTV_API ptv_level ptv_report_severity(const ptv_report *r);
PTV_API bool ptv_report_complete(const ptv_report *r);
PTV_API const char *ptv_report_note(const ptv_report *r);        /* NULL when no rule wrote one */
PTV_API const char *ptv_report_decision_id(const ptv_report *r); /* 32 digits, as in every form and in the log */
PTV_API bool ptv_report_answered(const ptv_report *r);           /* at least one section was read, or no call was needed */
/* Upstream requests sent for it, retries included; 0 for one that was submitted while the same artifact was under way. */
PTV_API unsigned ptv_report_calls(const ptv_report *r);
/* Outcome word of one live or shadow rule ("match", "unknown", …); NULL when there is no such rule. */
PTV_API const char *ptv_report_outcome(const ptv_report *r, const char *rule_id);
/* How one section of the record came about. Texts borrowed from r. */
typedef struct ptv_section_view {
    const char *state;  /* "ok" "stale" "failed" "not_asked" "not_needed" "unsupported" */
    const char *cause;  /* "outage" "quota" "deadline" "key" "settings"; NULL: none */
    const char *reason; /* in words; NULL */
    int http;           /* status; 0: none */
    unsigned calls;     /* requests sent for it; 0 with state ok: from a cache or a local source */
    bool wanted;        /* the verdict is unknown, or may be, for want of it */
} ptv_section_view;
PTV_API void ptv_report_section(const ptv_report *r, ptv_section s, ptv_section_view *out);
/* Why the verdict is unknown and what to do about it, as the SOAR result's reason says it. */
PTV_API ptv_code ptv_report_why(const ptv_report *r, ptv_write_fn *write, void *to, ptv_error *err);
PTV_API size_t ptv_report_rule_count(const ptv_report *r);
PTV_API const char *ptv_report_rule(const ptv_report *r, size_t index, const char **outcome); /* id */
/* One property of the hit card: its name, its type ("string" "number" "uri" "ip") and its value as text. false past the end.
 * A card is there for every rule that matched: it is a hit to be shown only when the verdict says compromised. */
PTV_API bool ptv_report_hit(const ptv_report *r, size_t index, const char **name, const char **type, const char **value);
/* Unknown for a reason that goes away by itself: ask again, after *retry_after_s (-1: nobody said when). */
PTV_API bool ptv_report_is_later(const ptv_report *r, int64_t *retry_after_s);

/* Write the report once in a format. Bytes from the network are escaped for where they go. */
PTV_API ptv_code ptv_report_write(const ptv_report *r, ptv_format format, unsigned flags, ptv_write_fn *write, void *to,
                                  ptv_error *err);
PTV_API const char *ptv_csv_header(void);
/* PTV_FORMAT_SOAR with the call's own inputs echoed: `inputs_json` is one JSON object; NULL: made from the artifact. */
PTV_API ptv_code ptv_report_write_soar(const ptv_report *r, const char *inputs_json, ptv_write_fn *write, void *to,
                                       ptv_error *err);
/* How an unknown verdict goes into the SOAR result; until then the setting `soar_unknown` says it, once as fail. */
typedef enum ptv_soar_unknown {
    PTV_SOAR_UNKNOWN_FAIL, /* success false with a reason */
    PTV_SOAR_UNKNOWN_ONCE, /* the same, and the reason says that further artifacts are not noted */
    PTV_SOAR_UNKNOWN_EMPTY /* success true, content [] */
} ptv_soar_unknown;
PTV_API void ptv_report_soar_unknown(ptv_report *r, ptv_soar_unknown how);

/* A function call of the SOAR platform. Everything may be NULL but inputs. */
typedef struct ptv_soar_call {
    bool is_function; /* false: an action's message, or the inputs alone, without a message around them */
    const char *function, *workflow, *principal; /* names */
    const char *inputs;       /* as the platform's framework hands them to a function: one JSON object on one line, ASCII */
    const char *value, *type; /* the artifact */
    const char *incident_id, *artifact_id; /* where the customer added them to the function */
    const char *refusal;                   /* why it cannot be looked up: an input missing, or not a text */
} ptv_soar_call;
/* Read the body of a message, or the inputs alone. *out is yours: ptv_soar_call_free(). Errors: PTV_EINVAL no JSON object,
 * PTV_ETOOBIG, PTV_ENOMEM. */
PTV_API ptv_code ptv_soar_call_read(const ptv_soar_call **out, const char *json, size_t len, ptv_error *err);
PTV_API void ptv_soar_call_free(const ptv_soar_call *call); /* NULL is fine */
/* The SOAR result of a call whose input was refused: success false, reason. `inputs` is the JSON object given. */
PTV_API ptv_code ptv_soar_refusal(const char *inputs_json, const char *reason, ptv_write_fn *write, void *to,
                                  ptv_error *err);

/* -------------------------------------------------------------------------------------------- state */

/*
 * What the folder of the setting `state` keeps (docs/state.md). Without one nothing is kept, and that is no error; nor is a
 * folder that fails when a client is opened: a warning goes to the log, and the client works without.
 */

/* Put a decision into the log, with the ids that the SOAR gave (NULL: none). A report without a decision has nothing to log.
 * Errors: PTV_EIO, PTV_ENOMEM, PTV_ETOOBIG. */
PTV_API ptv_code ptv_decision_log(ptv_client *c, const ptv_report *r, const char *incident_id, const char *artifact_id,
                                  ptv_error *err);
/* Hand over each line of the log, the oldest first: JSON objects of schema ptverdict.log/1. Non-zero ends it. ptv_eval()
 * reads such a line as the record in it. Errors: PTV_ESETTINGS no `state`, PTV_EIO, PTV_ENOMEM. */
PTV_API ptv_code ptv_decision_log_read(const ptv_config *config, ptv_write_fn *each, void *to, ptv_error *err);
/* The folders of a rule set that was loaded once, to be given as ptv_client_options.rules. *out is one block, yours:
 * ptv_rules_kept_free(). *count 0: it is not kept. Errors: PTV_ESETTINGS no `state`, PTV_EIO, PTV_ENOMEM. */
PTV_API ptv_code ptv_rules_kept(char ***out, size_t *count, const ptv_config *config, const char *digest, ptv_error *err);
PTV_API void ptv_rules_kept_free(char **folders); /* NULL is fine */

/* ---------------------------------------------------------------------------------------- comparing */

/* A condition that had a say, in the rule's own words. */
typedef struct ptv_condition {
    const char *text, *seen, *file; /* seen: the value, or why it could not be read */
    int line;
    const char *truth; /* "yes" "no" "unknown" */
    bool after;        /* it stands in the newer rules, else in the older */
} ptv_condition;

/* A rule that came out differently. Outcomes are NULL where there is no such rule. */
typedef struct ptv_rule_change {
    const char *rule, *before, *after;
    ptv_level level_before, level_after;
    const char *what;                /* in words: "new rule", "severity medium, was high"; NULL: the conditions say it all */
    const ptv_condition *conditions; /* that made the difference; those of the newer rules first */
    size_t condition_count;
    const char *allowance, *allowance_file; /* that holds the rule back in one of the sets; NULL: none made the difference */
    int allowance_line;
    bool allowance_after; /* it stands in the newer rules, else in the older */
} ptv_rule_change;

/* One record under both rule sets. */
typedef struct ptv_comparison {
    const char *artifact;
    ptv_verdict before, after;
    ptv_level severity_before, severity_after;
    bool changed;                 /* verdict or severity */
    const ptv_rule_change *rules; /* live in either set, and came out differently */
    size_t rule_count;
} ptv_comparison;

/* What became of one rule over all records compared. */
typedef struct ptv_rule_total {
    const char *rule;
    enum { PTV_RULE_SAME, PTV_RULE_EDITED, PTV_RULE_ADDED, PTV_RULE_REMOVED } state;
    bool shadow;          /* in the newer rules */
    uint64_t differs;     /* records on which it came out differently */
    uint64_t decided;     /* and verdict or severity changed */
    uint64_t would_match; /* of a shadow rule: records it would have matched, */
    uint64_t had_already; /* of those, the ones that a live rule matched */
} ptv_rule_total;

typedef struct ptv_compare ptv_compare; /* two clients' rules over the same records; one per thread, as they are */

/* Both clients must outlive it, and have rules; how they were made (explain, why_not) does not matter. */
PTV_API ptv_code ptv_compare_new(ptv_compare **out, ptv_client *before, ptv_client *after, ptv_error *err);
/* Judge one record, in any form that ptv_eval() takes, by both. *out is borrowed until the next. Errors: as ptv_eval(). */
PTV_API ptv_code ptv_compare_record(const ptv_comparison **out, ptv_compare *c, const char *text, size_t len,
                                    ptv_error *err);
/* Totals so far: the newer rules in their order, then those that are gone. NULL past the end. */
PTV_API const ptv_rule_total *ptv_compare_total(const ptv_compare *c, size_t index);
PTV_API void ptv_compare_free(ptv_compare *c); /* NULL is fine */

/* -------------------------------------------------------------------------------------------- rules */

/* Everything that rule files have to say, in one run. PTV_ERULES when a finding is an error. */
PTV_API ptv_code ptv_check(ptv_findings *findings, const ptv_config *config, const ptv_client_options *options,
                           ptv_error *err);

/* The rules that a client judges by, in order: ids. NULL past the end. */
PTV_API size_t ptv_client_rule_count(const ptv_client *c);
PTV_API const char *ptv_client_rule(const ptv_client *c, size_t index);

/* Write the words rules may use (`fields`), or what each rule makes us fetch (`needs`), as text or json. */
PTV_API ptv_code ptv_fields_write(ptv_format format, ptv_write_fn *write, void *to, ptv_error *err);
PTV_API ptv_code ptv_needs_write(ptv_client *c, ptv_format format, ptv_write_fn *write, void *to, ptv_error *err);

/* What editors and linters want to know about rule files and tests. */
typedef enum ptv_editor_file {
    PTV_EDITOR_WORDS,    /* annotations for the Lua language server, to be kept in PTV_EDITOR_FOLDER */
    PTV_EDITOR_SETTINGS, /* its .luarc.json, beside that folder */
    PTV_EDITOR_LUACHECK  /* .luacheckrc */
} ptv_editor_file;
#define PTV_EDITOR_FOLDER ".ptverdict"
PTV_API ptv_code ptv_editor_write(ptv_editor_file file, ptv_write_fn *write, void *to, ptv_error *err);

/* -------------------------------------------------------------------------------------------- tests */

/* The cases beside the rules: NAME.test.lua. Zero is the default everywhere. */
typedef struct ptv_test_options {
    const char *const *paths; /* rule folders, rule files or test files; NULL: the setting `rules` */
    size_t path_count;
    const char *run;      /* glob over case names; a plain word is looked for anywhere in them; NULL: all */
    bool fail_fast;       /* stop at the first case that fails */
    bool coverage;        /* report which conditions were seen yes, no, unknown */
    int coverage_percent; /* a gate: fail below; 0: none */
    bool invert;          /* turn each condition round: a case must notice */
    bool fail_sections;   /* fail each section in turn: no match may become no_match, nor the other way round */
    bool explain;         /* every case with the conditions of its rules, also when it passes */
    int64_t now_utc;      /* for cases without a now of their own; 0 or PTV_NO_TIME: none */
} ptv_test_options;

typedef struct ptv_test_report ptv_test_report;

/* Run them. Findings get what is wrong with rule and test files. PTV_OK also when cases fail: ptv_test_passed() tells.
 * Errors: PTV_ESETTINGS, PTV_EIO, PTV_ENOMEM. */
PTV_API ptv_code ptv_test(ptv_test_report **out, const ptv_config *config, const ptv_test_options *options,
                          ptv_findings *findings, ptv_error *err);
PTV_API bool ptv_test_passed(const ptv_test_report *r); /* every case, and every gate asked for */
/* PTV_FORMAT_TEXT, PTV_FORMAT_JSON or PTV_FORMAT_JUNIT. */
PTV_API ptv_code ptv_test_write(const ptv_test_report *r, ptv_format format, unsigned flags, ptv_write_fn *write, void *to,
                                ptv_error *err);
PTV_API void ptv_test_free(ptv_test_report *r); /* NULL is fine */

/* ----------------------------------------------------------------------------------------- selftest */

/* One line of a self-test: what was tested, and what to do about it. No paid query is made. */
typedef void ptv_selftest_fn(void *to, const char *what, bool passed, const char *message);
/* Of `options` (NULL is fine) its rules count. PTV_ESETTINGS: a test failed. */
PTV_API ptv_code ptv_selftest(const ptv_config *config, const ptv_client_options *options, ptv_selftest_fn *line, void *to,
                              ptv_error *err);

/* ---------------------------------------------------------------------------------------------- log */

typedef enum ptv_log_level { PTV_LOG_ERROR, PTV_LOG_WARNING, PTV_LOG_INFO, PTV_LOG_DEBUG } ptv_log_level;
typedef void ptv_log_fn(void *to, ptv_log_level level, const char *area, const char *message);
/* Where log lines go; NULL (the default): nowhere. Process-wide; set it before the first client. */
PTV_API void ptv_log_to(ptv_log_fn *sink, void *to, ptv_log_level up_to);

#ifdef __cplusplus
}
#endif
#endif
