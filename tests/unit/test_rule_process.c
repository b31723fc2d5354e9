/*
 * test_rule_process.c: custom conditions in a process of their own: the same answers, nothing to hold, and what becomes of a
 * process that is killed, stuck, or not what it should be. The children are this program, started again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/log.h"
#include "core/record_json.h"
#include "rules/process.h"
#include "rules_help.h"
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

static const char RULES[] =
    "local most = 3\n"
    "rule 'digits' { title = 'Digits', severity = 'high', when = custom({ 'artifact' }, function(r)\n"
    "  local digits = 0\n"
    "  for i = 1, #r.artifact do local b = r.artifact:byte(i); if b >= 48 and b <= 57 then digits = digits + 1 end end\n"
    "  return digits >= most, digits .. ' digits' end) }\n"
    "rule 'rows' { title = 'Rows', severity = 'low', when = custom({ 'passive_dns.records', 'tags' }, function(r)\n"
    "  local n = 0\n"
    "  for _, row in ipairs(r.passive_dns.records) do if row.type == 'A' then n = n + 1 end end\n"
    "  if n == 0 then return nil, 'no rows' end\n"
    "  return n > 1, n .. ' of A, tags ' .. #r.tags end) }\n"
    "rule 'fails' { title = 'Fails', severity = 'info', when = custom({ 'artifact' }, function(r)\n"
    "  error('on purpose') end) }\n"
    "rule 'plain' { title = 'Plain', severity = 'medium', when = tags:has_any { 'apt' } }\n";

/* Takes a good part of the instruction budget. */
static const char SLOW[] = "rule 'slow' { title = 'Slow', severity = 'high', when = custom({ 'artifact' }, function(r)\n"
                           "  local n = 0\n"
                           "  for i = 1, 9000 do local t = { i }; n = n + t[1] end\n"
                           "  return r.artifact == 'evil.example', 'sum ' .. n end) }\n";

typedef struct process_test {
    rules_test *t;
    ptv_arena mem;
    ptv_decision d;
    ptv_record *r;
    ptv_process_options how;
} process_test;

static int setup(void **state)
{
    void *rules;
    assert_int_equal(rules_setup(&rules), 0);
    process_test *p = calloc(1, sizeof *p);
    assert_non_null(p);
    p->t = rules;
    p->t->options.keep_text = true;
    p->mem = (ptv_arena)PTV_ARENA(32 << 20);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    process_test *p = *state;
    void *rules = p->t;
    ptv_arena_release(&p->mem);
    free(p);
    return rules_teardown(&rules);
}

static void read_record(process_test *p, const char *json_text)
{
    const ptv_json *json;
    ptv_error err = { 0 };
    ptv_arena_reset(&p->mem);
    assert_int_equal(ptv_json_parse(&json, &p->mem, json_text, strlen(json_text), &err), PTV_OK);
    if (ptv_record_read(&p->r, &p->mem, json, &err))
        fail_msg("%s", err.msg);
    p->r->now = INT64_C(1777593600);
    ptv_digest *d = ptv_digest_new();
    ptv_record_seal(p->r, d);
    ptv_digest_free(d);
}

static const char EVIL[] =
    "{\"artifact\":\"evil123.example\",\"tags\":[\"Apt\",\"x\"],\"passive_dns\":{\"total_records\":2,\"records\":["
    "{\"value\":\"evil123.example\",\"type\":\"A\",\"resolve\":\"192.0.2.1\",\"first_seen\":\"2026-04-01\"},"
    "{\"value\":\"evil123.example\",\"type\":\"A\",\"resolve\":\"192.0.2.2\",\"first_seen\":\"2026-04-02\"}]}}";

static void load(process_test *p, const char *rules)
{
    if (rules_load_text(p->t, rules))
        fail_msg("%s", p->t->said);
}

static void separate(process_test *p)
{
    if (ptv_ruleset_separate(p->t->rs, &p->t->options, &p->how, &p->t->err))
        fail_msg("%s", p->t->err.msg);
}

static void judge(process_test *p)
{
    ptv_judge how = PTV_JUDGE;
    ptv_error err = { 0 };
    how.trace = true;
    if (ptv_ruleset_judge(&p->d, &p->mem, p->t->rs, p->r, &how, &err))
        fail_msg("%s", err.msg);
}

static const char *word(const process_test *p, const char *id)
{
    for (size_t i = 0; i < p->d.rule_count; i++)
        if (strcmp(p->d.rules[i].id, id) == 0)
            return ptv_outcome_name(p->d.rules[i].outcome);
    return NULL;
}

static const char *reason(const process_test *p, const char *id)
{
    for (size_t i = 0; i < p->d.rule_count; i++)
        if (strcmp(p->d.rules[i].id, id) == 0)
            return p->d.rules[i].reason;
    return NULL;
}

static pid_t pid_of(const process_test *p)
{
    return (pid_t)ptv_ruleset_process(p->t->rs).pid;
}

/* ------------------------------------------------------------------------------------------------- same */

static void it_gives_the_same_answers(void **state)
{
    process_test *p = *state;
    char before[4][600];
    static const char *const ids[] = { "digits", "rows", "fails", "plain" };
    load(p, RULES);
    read_record(p, EVIL);
    judge(p);
    ptv_decision here = p->d;
    for (size_t i = 0; i < 4; i++)
        snprintf(before[i], sizeof before[i], "%s: %s", word(p, ids[i]), reason(p, ids[i]) ? reason(p, ids[i]) : "");
    separate(p);
    for (int again = 0; again < 2; again++) {
        judge(p);
        assert_int_equal(p->d.verdict, here.verdict);
        assert_string_equal(p->d.id, here.id);
        for (size_t i = 0; i < 4; i++) {
            char after[600];
            snprintf(after, sizeof after, "%s: %s", word(p, ids[i]), reason(p, ids[i]) ? reason(p, ids[i]) : "");
            assert_string_equal(after, before[i]);
        }
    }
    assert_string_equal(word(p, "digits"), "match");
    assert_string_equal(word(p, "fails"), "error");
    read_record(p, "{\"artifact\":\"evil.example\",\"tags\":[],\"passive_dns\":{\"total_records\":0,\"records\":[]}}");
    judge(p);
    assert_string_equal(word(p, "digits"), "no_match");
    assert_string_equal(word(p, "rows"), "unknown");
    assert_int_equal(ptv_ruleset_process(p->t->rs).starts, 1);
}

static void it_needs_no_process_for_declarative_rules(void **state)
{
    process_test *p = *state;
    load(p, "rule 'a' { title = 'A', severity = 'low', when = tags:has_any { 'x' } }\n");
    p->how.program = "/does/not/exist";
    separate(p);
    assert_int_equal(ptv_ruleset_process(p->t->rs).pid, 0);
    assert_int_equal(ptv_ruleset_process(p->t->rs).starts, 0);
}

static void it_loads_lists_allowances_and_settings_from_memory(void **state)
{
    process_test *p = *state;
    static const ptv_rule_setting settings[] = { { "fresh", "30d", "app.config:2", true },
                                                 { "api_key", "hidden-key", "app.config:3", true } };
    p->t->options.settings = settings;
    p->t->options.setting_count = 2;
    rules_write("lists/zones.txt", "corp.example\n# one\nb.example\n");
    rules_write("lists/exceptions.csv", "artifact,reason,owner,expires,rules\n*.ours.example,ours,me,2027-01-01,\n");
    rules_write("10-a.lua", "rule 'a' { title = 'A', severity = 'low', when = all { artifact:in_zone(list 'zones'),\n"
                            " passive_dns.first_seen:within(setting 'fresh') } }\n");
    rules_write("20-b.lua", "local days = setting('days', '7d')\n"
                            "rule 'b' { title = 'B', severity = 'low', when = any { passive_dns.last_seen:within(days),\n"
                            " custom({ 'artifact' }, function(r) return r.artifact:contains 'ev', 'from b' end) } }\n");
    assert_int_equal(rules_load_paths(p->t, NULL), PTV_OK);
    separate(p);
    read_record(p, "{\"artifact\":\"evil.example\",\"passive_dns\":{\"total_records\":0,\"records\":[]}}");
    judge(p);
    assert_string_equal(word(p, "b"), "match");
}

/* ---------------------------------------------------------------------------------------------- holding */

static void it_holds_nothing(void **state)
{
    process_test *p = *state;
    char path[64], text[4096];
    setenv("PTV_TEST_SECRET", "in-the-environment", 1);
    load(p, RULES);
    separate(p);
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid_of(p));
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    bool seccomp = false, no_new = false;
    while (fgets(text, sizeof text, f)) {
        seccomp |= strcmp(text, "Seccomp:\t2\n") == 0;
        no_new |= strcmp(text, "NoNewPrivs:\t1\n") == 0;
    }
    fclose(f);
    assert_true(seccomp);
    assert_true(no_new);
    snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid_of(p));
    DIR *d = opendir(path);
    if (!d) /* not ours to see, which is as well */
        return;
    size_t open_files = 0;
    for (struct dirent *e; (e = readdir(d));)
        open_files += e->d_name[0] != '.';
    closedir(d);
    assert_int_equal(open_files, 1);
    snprintf(path, sizeof path, "/proc/%ld/environ", (long)pid_of(p));
    f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fread(text, 1, sizeof text, f), 0);
    fclose(f);
    snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid_of(p));
    f = fopen(path, "r");
    assert_non_null(f);
    size_t len = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    assert_int_equal(len, sizeof "ptverdict\0rule-process");
}

typedef struct attempt {
    const char *what;
    void (*make)(void);
} attempt;
static void open_a_file(void)
{
    (void)!open("/etc/hostname", O_RDONLY);
}
static void open_a_socket(void)
{
    (void)!socket(AF_INET, SOCK_STREAM, 0);
}
static void fork_off(void)
{
    (void)!fork();
}
static void start_a_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
}
static void signal_somebody(void)
{
    kill(1, 0);
}
static void make_code(void)
{
    (void)!mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void it_dies_of_what_rules_may_not_have(void **state)
{
    (void)state;
    static const attempt attempts[] = { { "open", open_a_file },     { "socket", open_a_socket }, { "fork", fork_off },
                                        { "exec", start_a_program }, { "kill", signal_somebody }, { "code", make_code } };
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            ptv_error err = { 0 };
            close(2); /* a sanitizer's last words */
            if (!ptv_process_guard(&err))
                _exit(2);
            attempts[i].make();
            _exit(3);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
            fail_msg("%s: status %d", attempts[i].what, status);
    }
}

static void it_leaves_with_its_parent(void **state)
{
    process_test *p = *state;
    load(p, RULES);
    separate(p);
    pid_t pid = pid_of(p);
    rules_drop(p->t);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

/* ---------------------------------------------------------------------------------------------- trouble */

static char log_text[4096];
static void keep_log(void *to, ptv_log_level level, const char *area, const char *message)
{
    (void)to, (void)level;
    size_t len = strlen(log_text);
    snprintf(log_text + len, sizeof log_text - len, "%s: %s\n", area, message);
}

static void *kill_soon(void *pid)
{
    usleep(50000);
    kill(*(pid_t *)pid, SIGKILL);
    return NULL;
}

static void it_asks_again_when_somebody_killed_it(void **state)
{
    process_test *p = *state;
    load(p, RULES);
    separate(p);
    read_record(p, EVIL);
    judge(p);
    pid_t pid = pid_of(p);
    kill(pid, SIGSTOP); /* so that the call is under way when the kill comes */
    pthread_t killer;
    assert_int_equal(pthread_create(&killer, NULL, kill_soon, &pid), 0);
    judge(p);
    pthread_join(killer, NULL);
    assert_string_equal(word(p, "digits"), "match");
    assert_string_equal(word(p, "rows"), "match");
    assert_int_not_equal(pid_of(p), pid);
    assert_int_equal(ptv_ruleset_process(p->t->rs).starts, 2);
    assert_int_equal(ptv_ruleset_process(p->t->rs).kills, 0);
    kill(pid_of(p), SIGKILL); /* between calls */
    judge(p);
    assert_string_equal(word(p, "digits"), "match");
    assert_int_equal(ptv_ruleset_process(p->t->rs).starts, 3);
}

static void it_ends_a_call_that_takes_too_long(void **state)
{
    process_test *p = *state;
    static char rules[sizeof SLOW + sizeof RULES];
    snprintf(rules, sizeof rules, "%s%s", SLOW, RULES);
    load(p, rules);
    p->how.cpu_ms = 60000;
    p->how.wall_ms = 200;
    separate(p);
    ptv_log_to(keep_log, NULL, PTV_LOG_WARNING);
    log_text[0] = '\0';
    for (int i = 1; i <= 4; i++) {
        char json[2048];
        snprintf(json, sizeof json, "{\"artifact\":\"evil%d23.example\",\"tags\":[\"apt\"]}", i);
        read_record(p, json);
        if (i < 4)
            kill(pid_of(p), SIGSTOP);
        judge(p);
        assert_string_equal(word(p, "slow"), "error");
        assert_non_null(strstr(reason(p, "slow"), "over the limit"));
        assert_int_equal(p->d.verdict, PTV_VERDICT_COMPROMISED);
        /* the others are judged by the next process, started on the way */
        assert_string_equal(word(p, "digits"), "match");
        assert_string_equal(word(p, "plain"), "match");
        if (i >= 3)
            assert_non_null(strstr(reason(p, "slow"), "three times in a row"));
    }
    ptv_log_to(NULL, NULL, PTV_LOG_ERROR);
    ptv_process_state now = ptv_ruleset_process(p->t->rs);
    assert_int_equal(now.kills, 3);
    assert_int_equal(now.off, 1);
    assert_non_null(strstr(now.off_reason, "bad.lua:1: an error until the rules are loaded again"));
    assert_non_null(strstr(log_text, "rules: bad.lua:1: over the limit of 60000 ms"));
}

static void it_counts_processor_time(void **state)
{
    process_test *p = *state;
    load(p, RULES);
    p->how.command = "rogue-answer-busy";
    p->how.cpu_ms = 20;
    p->how.wall_ms = 60000;
    separate(p);
    read_record(p, EVIL);
    judge(p);
    assert_string_equal(word(p, "digits"), "error");
    assert_non_null(strstr(reason(p, "digits"), "over the limit of 20 ms of processor time"));
    assert_string_equal(word(p, "plain"), "match");
}

static void it_says_why_it_cannot_be_started(void **state)
{
    process_test *p = *state;
    static const struct {
        const char *program, *command, *says;
    } cases[] = {
        { "/does/not/exist", NULL, "the rule process cannot be started: /does/not/exist: No such file" },
        { "/bin/true", NULL, "the rule process cannot be started: it ended with status 0" },
        { NULL, "rogue-opens", "the rule process cannot be started: it asked the system for something that rules may not" },
        { NULL, "rogue-talks", "is not a program that can be one" },
        { NULL, "rogue-memory", "the rule process cannot be started: no memory" },
        { NULL, "rogue-other", "the rule process cannot be started: it understands the rules differently" },
    };
    load(p, RULES);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        p->how.program = cases[i].program;
        p->how.command = cases[i].command;
        assert_int_not_equal(ptv_ruleset_separate(p->t->rs, &p->t->options, &p->how, &p->t->err), PTV_OK);
        if (!strstr(p->t->err.msg, cases[i].says))
            fail_msg("%s, not %s", p->t->err.msg, cases[i].says);
    }
    /* and the set still works here */
    read_record(p, EVIL);
    judge(p);
    assert_string_equal(word(p, "digits"), "match");
}

static void it_believes_no_answer_unseen(void **state)
{
    process_test *p = *state;
    load(p, RULES);
    static const char *const commands[] = { "rogue-answer-length", "rogue-answer-truth", "rogue-answer-kind",
                                            "rogue-answer-memory", "rogue-answer-dies" };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        load(p, RULES);
        p->how.command = commands[i];
        separate(p);
        read_record(p, EVIL);
        judge(p);
        assert_string_equal(word(p, "digits"), "error");
        assert_string_equal(word(p, "plain"), "match");
    }
}

/* ----------------------------------------------------------------------------------- children of the test */

static void answer(uint32_t kind, const void *bytes, uint32_t len)
{
    ptv_frame head = { kind, len };
    (void)!write(0, &head, sizeof head);
    (void)!write(0, bytes, len);
}

static void skip_frame(void)
{
    ptv_frame head;
    char byte;
    if (read(0, &head, sizeof head) != sizeof head)
        _exit(1);
    while (head.len-- && read(0, &byte, 1) == 1)
        continue;
}

/* A child that loads nothing and repeats what the parent's digest must be: the parent's own files tell it. */
static int rogue(const char *what)
{
    ptv_error err = { 0 };
    ptv_frame_ready ready = { 0 };
    if (strcmp(what, "rogue-opens") == 0 && ptv_process_guard(&err))
        open_a_file();
    if (strcmp(what, "rogue-talks") == 0)
        answer(77, "hello", 5);
    if (strcmp(what, "rogue-memory") == 0) {
        ready.code = PTV_ENOMEM;
        snprintf(ready.text, sizeof ready.text, "no memory");
        answer(PTV_FRAME_READY, &ready, sizeof ready);
    }
    if (strcmp(what, "rogue-other") == 0) {
        ready.nodes = 1;
        answer(PTV_FRAME_READY, &ready, sizeof ready);
    }
    skip_frame();
    return 0;
}

/* The digests of RULES, as the parent has them. */
static void ready_for(const char *text)
{
    ptv_frame_ready ready = { 0 };
    ptv_error err = { 0 };
    ptv_ruleset *rs = NULL;
    const ptv_rule_file file = { .path = "bad.lua", .folder = ".", .name = "bad.lua", .text = text, .len = strlen(text) };
    const ptv_rules_options options = { .files = &file, .file_count = 1, .supported = 0xff, .now = INT64_C(1777593600) };
    if (ptv_ruleset_load(&rs, &options, NULL, &err))
        _exit(5);
    ready.nodes = (uint32_t)rs->node_count;
    memcpy(ready.digest, rs->digest, sizeof ready.digest);
    memcpy(ready.settings_digest, rs->settings_digest, sizeof ready.settings_digest);
    skip_frame();
    answer(PTV_FRAME_READY, &ready, sizeof ready);
}

static int rogue_answer(const char *what)
{
    const uint32_t fixed = offsetof(ptv_frame_answer, text);
    ptv_frame_answer a = { .truth = PTV_NO };
    uint32_t kind = PTV_FRAME_ANSWER, len = fixed;
    if (strstr(what, "length"))
        a.len = 999;
    if (strstr(what, "truth"))
        a.truth = 9;
    if (strstr(what, "kind"))
        kind = PTV_FRAME_READY;
    if (strstr(what, "memory"))
        a.code = PTV_ENOMEM;
    ready_for(RULES);
    for (;;) {
        skip_frame();
        if (strstr(what, "dies"))
            return 9;
        for (volatile bool busy = strstr(what, "busy"); busy;)
            continue;
        answer(kind, &a, len);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "rule-process") == 0)
        return ptv_rule_process_main();
    if (argc == 2 && strncmp(argv[1], "rogue-", 6) == 0)
        _exit(strstr(argv[1], "answer") ? rogue_answer(argv[1]) : rogue(argv[1]));
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(it_gives_the_same_answers),
        TEST(it_needs_no_process_for_declarative_rules),
        TEST(it_loads_lists_allowances_and_settings_from_memory),
        TEST(it_holds_nothing),
        cmocka_unit_test(it_dies_of_what_rules_may_not_have),
        TEST(it_leaves_with_its_parent),
        TEST(it_asks_again_when_somebody_killed_it),
        TEST(it_ends_a_call_that_takes_too_long),
        TEST(it_counts_processor_time),
        TEST(it_says_why_it_cannot_be_started),
        TEST(it_believes_no_answer_unseen),
    };
    return cmocka_run_group_tests_name("rule_process", tests, NULL, NULL);
}
