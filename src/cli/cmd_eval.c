/*
 * cmd_eval.c: eval: judge recorded records and saved answers, from files, folders and stdin; no network, no key.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/file.h"
#include "base/text.h"
#include "cli/batch.h"
#include "cli/commands.h"
#include "cli/records.h"
#include "cli/session.h"
#include "cli/talk.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define OUTPUT_LIMIT ((size_t)512 << 20)

typedef struct judging {
    cli_session session;
    cli_batch batch;
    ptv_buf out;
    uint64_t number; /* subjects so far */
} judging;

static ptv_code judge_one(judging *j, const char *name, const cli_records *in, ptv_error *err)
{
    ptv_report *report = NULL;
    ptv_code rc = PTV_OK;
    if (++j->number <= j->batch.o->skip)
        return PTV_OK;
    if (in->too_long)
        rc = ptv_fail(err, PTV_EINVAL, "longer than %zu bytes", CLI_RECORD_LIMIT);
    else
        rc = ptv_eval(&report, j->session.client, in->now.data, in->now.len, err);
    if (!rc)
        rc = cli_batch_render(&j->batch, &j->out, report, err);
    ptv_report_free(report);
    if (rc == PTV_EINVAL || rc == PTV_ETOOBIG || rc == PTV_ESHAPE) {
        char why[600], start[256];
        snprintf(why, sizeof why, "%.60s:%llu: %s", name, (unsigned long long)in->first_line, err->msg);
        snprintf(start, sizeof start, "%s", in->now.data);
        rc = cli_batch_refuse(&j->batch, &j->out, j->number, start, why, err);
    }
    if (!rc)
        cli_batch_print(&j->batch, &j->out);
    return rc;
}

static ptv_code judge_file(judging *j, int fd, const char *name, ptv_error *err)
{
    cli_records in;
    ptv_code rc = cli_records_open(&in, fd, err);
    cli_got got = CLI_GOT_ONE;
    while (!rc && !cli_output_failed()) {
        got = cli_records_next(&in);
        if (cli_interrupted() && got != CLI_GOT_END) {
            j->batch.stopped = "interrupted";
            j->batch.stopped_at = j->number;
            break;
        }
        if (got == CLI_GOT_END)
            break;
        if (got == CLI_GOT_FAILURE) {
            *err = in.lines.failed;
            rc = ptv_wrap(err, "%s", name);
        } else if (got == CLI_GOT_ONE) {
            rc = judge_one(j, name, &in, err);
            cli_batch_progress(&j->batch, j->number, in.lines.bytes, in.lines.size);
        }
    }
    cli_records_close(&in);
    return rc;
}

/* A FIFO or a device named on the command line is the user's wish, as with any filter. */
static ptv_code judge_path(judging *j, const char *path, ptv_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ptv_fail_detail(err, PTV_EIO, errno, "%s: %s", path, strerror(errno));
    ptv_code rc = judge_file(j, fd, path, err);
    close(fd);
    return rc;
}

/* A folder stands for its files, in byte order of their names: what fetch --save wrote. */
static ptv_code judge_folder(judging *j, const char *folder, ptv_error *err)
{
    ptv_arena mem = PTV_ARENA((size_t)1 << 30);
    const char **names;
    size_t count;
    ptv_code rc = ptv_dir_list(&names, &count, &mem, folder, err);
    if (rc)
        ptv_wrap(err, "%s", folder);
    for (size_t i = 0; !rc && i < count && !j->batch.stopped; i++) {
        char *path = ptv_path_join(&mem, folder, names[i]);
        if (!path)
            rc = ptv_arena_fail(&mem, err);
        else if (*names[i] != '.' && ptv_is_file(path))
            rc = judge_path(j, path, err);
    }
    ptv_arena_release(&mem);
    return rc;
}

static cli_exit run_eval(const cli_options *o)
{
    judging j = { .out = PTV_BUF(OUTPUT_LIMIT) };
    ptv_error err = { 0 };
    ptv_client_options how = cli_client_options(o);
    how.offline = true;
    how.keep_answers = o->format && strcmp(o->format, "soar") == 0;
    cli_exit code = cli_session_open(&j.session, o, how);
    if (!code) {
        bool many = o->operand_count == 1 && (strcmp(o->operands[0], "-") == 0 || ptv_is_dir(o->operands[0]));
        ptv_code rc = PTV_OK;
        cli_batch_begin(&j.batch, o, many, "json");
        j.batch.offline = true;
        cli_watch_interrupt(NULL);
        for (size_t i = 0; !rc && i < o->operand_count && !j.batch.stopped; i++) {
            const char *path = o->operands[i];
            if (strcmp(path, "-") == 0)
                rc = judge_file(&j, STDIN_FILENO, "stdin", &err);
            else
                rc = ptv_is_dir(path) ? judge_folder(&j, path, &err) : judge_path(&j, path, &err);
        }
        code = rc ? cli_fail(&err) : cli_batch_end(&j.batch);
    }
    ptv_buf_release(&j.out);
    cli_session_close(&j.session);
    return code;
}

const cli_command cli_cmd_eval = {
    .name = "eval",
    .operands = "RECORD... | -",
    .summary = "Judge recorded records or saved answers by the rules; no network, no key",
    .about = "RECORD is a file or a folder of: records as fetch prints them, the short form that people write\n"
             "({\"artifact\": \"evil.example\", \"tags\": [\"phishing\"]}), saved answers (fetch --save), compact records.\n"
             "Times are judged at --now, else at the record's fetched_at, never at the clock.",
    .example =
        "  ptverdict eval archive/ --format csv\n"
        "  echo '{\"artifact\": \"evil.example\", \"tags\": [\"ransomware\"]}' | ptverdict eval - --explain --format text",
    .formats = "text json csv soar record compact",
    .flags = CLI_BIT(FLAG_RULES) | CLI_BIT(FLAG_EXPLAIN) | CLI_BIT(FLAG_NOW) | CLI_BIT(FLAG_EXIT_CODE) | CLI_BIT(FLAG_SKIP),
    .least = 1,
    .most = SIZE_MAX,
    .run = run_eval,
};
