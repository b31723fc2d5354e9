/*
 * rules.h: the door of this folder: load rule files, judge a record, say which sections are still needed.
 */
#ifndef PTV_RULES_RULES_H
#define PTV_RULES_RULES_H
#include "base/findings.h"
#include "core/verdict.h"

typedef struct ptv_ruleset ptv_ruleset; /* immutable once loaded, reference counted */

/* A value that rules may read as setting "name". */
typedef struct ptv_rule_setting {
    const char *name, *value;
    const char *where;     /* "app.config:12", for messages */
    bool in_rules_section; /* [rules]: reported when no rule uses it */
} ptv_rule_setting;

/* A file that makes a set what it is, tests left out. */
typedef struct ptv_rule_file {
    const char *path, *folder; /* as the options named them; folder: the one whose rules or lists these are */
    const char *name;          /* below the folder: "10-tags.lua", "lists/zones.txt" */
    char digest[PTV_DIGEST_HEX];
    const char *text; /* NULL unless keep_text */
    size_t len;
} ptv_rule_file;

typedef struct ptv_rules_options {
    const char *const *paths; /* folders or .lua files; a folder's rules are its *.lua without *.test.lua */
    size_t path_count;
    const ptv_rule_file *files; /* in the place of paths: rules and lists that are in memory; nothing is read from disk */
    size_t file_count;
    bool keep_text; /* of every file, in ptv_ruleset_files() */
    const ptv_rule_setting *settings;
    size_t setting_count;
    const char *place;      /* where others could come from, for messages: " in app.config"; NULL */
    ptv_sections supported; /* sections that a configured source can give; all bits when none is configured */
    int64_t now;            /* for expiry of allowances */
    bool shadow_fetch;
    bool part; /* single files of a larger set: which rules and uses of settings are elsewhere is not known */
} ptv_rules_options;

/* Load a whole set or nothing. Findings get everything there is to say, in one run. Errors: PTV_ERULES (see findings),
 * PTV_EIO, PTV_ENOMEM. A file over its load limit is an error
 * finding, so the set does not load. */
ptv_code ptv_ruleset_load(ptv_ruleset **out, const ptv_rules_options *options, ptv_findings *findings, ptv_error *err);
/* What its digest covers. */
const ptv_rule_file *ptv_ruleset_files(const ptv_ruleset *rs, size_t *count); /* sorted by name */
const char *ptv_ruleset_digest(const ptv_ruleset *rs);
/* The digest that a set has, or would have if it loaded: its files are read and not looked into. Errors: PTV_EIO,
 * PTV_ENOMEM. */
ptv_code ptv_rules_digest(char out[PTV_DIGEST_HEX], const ptv_rules_options *options, ptv_error *err);
/* A text of the owner's that lives and dies with the set. NULL: no memory; none was given. */
const char *ptv_ruleset_note(ptv_ruleset *rs, const char *text);
const char *ptv_ruleset_noted(const ptv_ruleset *rs);
/* The settings that the rules read, defaults included: what the settings digest covers. Sorted by name. */
typedef struct ptv_setting_used {
    const char *name, *value;
} ptv_setting_used;
const ptv_setting_used *ptv_ruleset_settings(const ptv_ruleset *rs, size_t *count);
/*
 * Run the custom conditions of a set in a process of their own, which holds no key, no environment, no file and no network;
 * nothing to do when it has none. `loaded`: the options it was loaded with, keep_text among them.
 *
 * Judging waits for the process. One that does not answer in time is ended, as is one that breaks its limits: that condition
 * is then an error for this record, and after three times in a row for every record. A process that was killed by somebody
 * else is started again and asked again. Errors: PTV_EIO it cannot be started, PTV_ENOMEM.
 */
typedef struct ptv_process_options {
    const char *program, *command; /* NULL: this program, "rule-process" */
    int cpu_ms, wall_ms;           /* for one call; 0: 1000, 5000 */
} ptv_process_options;
ptv_code ptv_ruleset_separate(ptv_ruleset *rs, const ptv_rules_options *loaded, const ptv_process_options *how,
                              ptv_error *err);
typedef struct ptv_process_state {
    long pid;               /* 0: none is running, or none is needed */
    uint64_t starts, kills; /* kills: calls that ended with the process */
    size_t off;             /* conditions that are an error until the rules are loaded again */
    const char *off_reason; /* of the first; NULL. Borrowed from rs, until it judges again */
} ptv_process_state;
ptv_process_state ptv_ruleset_process(const ptv_ruleset *rs);
ptv_ruleset *ptv_ruleset_ref(ptv_ruleset *rs);
void ptv_ruleset_unref(ptv_ruleset *rs); /* NULL is fine */

typedef struct ptv_judge {
    ptv_level alert_from;
    bool trace; /* fill rule_result.trace, every condition evaluated */
    bool brief; /* outcomes, levels and verdict only: no reasons, hit, note, summary, id */
    bool stale_is_unknown;
    bool not_routable;   /* network sources were blocked: verdict skipped where nothing matched */
    bool time_required;  /* eval without --now and without fetched_at: a time test that runs is an error */
    uint8_t *truths;     /* NULL, or one ptv_truth a node: coverage */
    int invert;          /* node index whose truth is turned round, or -1 */
    const char *why_not; /* fill decision.why_not for this rule id; NULL */
} ptv_judge;
#define PTV_JUDGE                                                                                                           \
    {                                                                                                                       \
        .alert_from = PTV_LEVEL_LOW, .invert = -1                                                                           \
    }

/* Judge a sealed record; record->now is the time of judging. All of `out` lives in `mem` and borrows from `rs`.
 * Errors: PTV_EINVAL (time_required), PTV_ENOMEM, PTV_ETOOBIG. */
ptv_code ptv_ruleset_judge(ptv_decision *out, ptv_arena *mem, const ptv_ruleset *rs, const ptv_record *record,
                           const ptv_judge *how, ptv_error *err);

/* Which sections to ask next for this partly filled record (not_asked without a cause = may still be asked).
 * frugal: the one that can settle most live rules, or, when all are settled, those that only hits and notes show, together.
 * fast: all that may be needed. Empty: nothing more is worth asking. */
ptv_code ptv_ruleset_next_sections(ptv_sections *out, ptv_arena *mem, const ptv_ruleset *rs, const ptv_record *record,
                                   const ptv_judge *how, bool fast, bool shadow_fetch, ptv_error *err);

/* `ptverdict needs`: what each rule reads to be judged and to be shown. */
typedef struct ptv_rule_needs {
    const char *id, *file;
    int line;
    ptv_rule_status status;
    ptv_sections judged, shown;
} ptv_rule_needs;
size_t ptv_ruleset_rule_count(const ptv_ruleset *rs);
ptv_rule_needs ptv_ruleset_needs(const ptv_ruleset *rs, size_t index);

#endif
