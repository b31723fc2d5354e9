/*
 * test_soar_call.c: function calls read, their answers written: the table of inputs byte for byte, and Python's JSON.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/mem.h"
#include "ptverdict.h"
#include "soar/call.h"
#include "soar/pyjson.h"
#include <string.h>

static const ptv_soar_call *read_call(const char *json)
{
    ptv_error err = { 0 };
    const ptv_soar_call *call = NULL;
    if (ptv_soar_call_read(&call, json, strlen(json), &err))
        fail_msg("%s: %s", json, err.msg);
    return call;
}

static void expect_inputs(const char *given, const char *wanted)
{
    char body[1024];
    snprintf(body, sizeof body, "{\"function\": {\"name\": \"fn_passivetotal\"}, \"inputs\": %s}", given);
    const ptv_soar_call *call = read_call(body);
    assert_string_equal(call->inputs, wanted);
    ptv_soar_call_free(call);
}

static void it_hands_inputs_over_as_the_framework_does(void **state)
{
    (void)state;
    expect_inputs("{\"a\":\"abc\"}", "{\"a\": \"abc\"}");
    expect_inputs("{\"a\":5,\"b\":1700000000000,\"c\":5.0,\"d\":-1.5e3}",
                  "{\"a\": 5, \"b\": 1700000000000, \"c\": 5.0, \"d\": -1.5e3}");
    expect_inputs("{\"a\":true,\"b\":null}", "{\"a\": true, \"b\": null}");
    expect_inputs("{\"a\":{\"id\":53,\"name\":\"two\"}}", "{\"a\": \"two\"}");
    expect_inputs("{\"a\":{\"name\":\"two\",\"id\":53}}", "{\"a\": \"two\"}");
    expect_inputs("{\"a\":[{\"id\":55,\"name\":\"v1\"},{\"id\":56,\"name\":\"v2\"}]}", "{\"a\": [\"v1\", \"v2\"]}");
    expect_inputs("{\"a\":[1, \"x\"],\"b\":[]}", "{\"a\": [1, \"x\"], \"b\": []}");
    expect_inputs("{\"a\":{\"format\":\"text\",\"content\":\"long\"}}", "{\"a\": \"long\"}");
    expect_inputs("{\"a\":{\"format\":\"html\",\"content\":\"<b>x</b>\"}}", "{\"a\": \"<b>x</b>\"}");
    expect_inputs("{\"a\":{\"format\":\"text\",\"content\":\"\"}}", "{\"a\": {\"format\": \"text\", \"content\": \"\"}}");
    expect_inputs("{ }", "{}");
    expect_inputs("null", "{}");
}

static void it_keeps_text_as_it_came(void **state)
{
    (void)state;
    expect_inputs("{\"a\":\"$SOAR_KEY_SECRET ${HOME} ^X\"}", "{\"a\": \"$SOAR_KEY_SECRET ${HOME} ^X\"}");
    expect_inputs("{\"a\":\"\\\"\\\\\\n\\u0041 }{][,:\"}", "{\"a\": \"\\\"\\\\\\nA }{][,:\"}");
    expect_inputs("{\"a\":\"\\/ \\u00E9 \\u000a \x7f\"}", "{\"a\": \"/ \\u00e9 \\n \\u007f\"}");
    expect_inputs("{\"a\":\"b\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80\"}", "{\"a\": \"b\\u00fc\\u20ac\\ud83d\\ude00\"}");
    expect_inputs("{\"a\":\"\\ud83d\\ude00\"}", "{\"a\": \"\\ud83d\\ude00\"}");
}

static void it_replaces_what_no_reader_takes(void **state)
{
    (void)state;
    expect_inputs("{\"a\":\"x\xFFy\"}", "{\"a\": \"x\\ufffdy\"}");
    expect_inputs("{\"a\":\"\\ud800 \\udc00 \\u0000 \\\\u0000\"}", "{\"a\": \"\\ufffd \\ufffd \\ufffd \\\\u0000\"}");
}

static void it_takes_the_last_of_two_equal_keys(void **state)
{
    (void)state;
    expect_inputs("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\": 3, \"b\": 2}");
}

static void it_reads_names_and_ids(void **state)
{
    (void)state;
    const ptv_soar_call *call =
        read_call("{\"function\":{\"name\":\"fn_x\"},\"workflow\":{\"programmatic_name\":\"wf\"},\"principal\":{\"name\":"
                  "\"u\"},\"inputs\":{\"passivetotal_artifact_type\":{\"id\":1,\"name\":\"DNS Name\"},"
                  "\"passivetotal_artifact_value\":\"a.example\",\"incident_id\":2095,\"artifact_id\":\"12\"}}");
    assert_true(call->is_function);
    assert_string_equal(call->function, "fn_x");
    assert_string_equal(call->workflow, "wf");
    assert_string_equal(call->principal, "u");
    assert_string_equal(call->value, "a.example");
    assert_string_equal(call->type, "DNS Name");
    assert_string_equal(call->incident_id, "2095");
    assert_string_equal(call->artifact_id, "12");
    assert_null(call->refusal);
    ptv_soar_call_free(call);
    call = read_call(
        "{\"function\":{\"name\":\"f\"},\"workflow\":null,\"playbook_instance\":{},\"principal\":null,\"inputs\":{}}");
    assert_null(call->workflow);
    assert_string_equal(call->refusal, "the input passivetotal_artifact_value is missing");
    ptv_soar_call_free(call);
}

static void it_tells_functions_from_other_messages(void **state)
{
    (void)state;
    static const char *const others[] = { "{\"action_id\":3}", "{\"function\":null}", "{\"function\":false,\"inputs\":{}}" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const ptv_soar_call *call = read_call(others[i]);
        assert_false(call->is_function);
        ptv_soar_call_free(call);
    }
}

static void it_takes_inputs_alone(void **state)
{
    (void)state;
    const ptv_soar_call *call = read_call(
        "\xEF\xBB\xBF {\"passivetotal_artifact_type\": \"URL\", \"passivetotal_artifact_value\": \"a.example\"}\n");
    assert_string_equal(call->value, "a.example");
    assert_null(call->refusal);
    ptv_soar_call_free(call);
}

static void it_says_what_is_wrong_with_inputs(void **state)
{
    (void)state;
    static const struct {
        const char *inputs, *refusal;
    } cases[] = {
        { "{\"passivetotal_artifact_value\":\"a\"}", "the input passivetotal_artifact_type is missing" },
        { "{\"passivetotal_artifact_value\":5,\"passivetotal_artifact_type\":\"URL\"}",
          "the input passivetotal_artifact_value is not a text" },
        { "{\"passivetotal_artifact_value\":\"\",\"passivetotal_artifact_type\":\"URL\"}",
          "the input passivetotal_artifact_value is empty" },
        { "{\"passivetotal_artifact_value\":\"a\",\"passivetotal_artifact_type\":[1]}",
          "the input passivetotal_artifact_type is not a text" },
        { "[1,2]", "the inputs of the call are not an object" },
        { "\"text\"", "the inputs of the call are not an object" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[512];
        snprintf(body, sizeof body, "{\"function\": {\"name\": \"f\"}, \"inputs\": %s}", cases[i].inputs);
        const ptv_soar_call *call = read_call(body);
        assert_string_equal(call->refusal, cases[i].refusal);
        ptv_soar_call_free(call);
    }
}

static void it_refuses_what_is_no_object(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "not JSON", "[1]", "\"x\"", "5", "{\"a\":", "{\"a\":1} x", "{\"a\" 1}" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const ptv_soar_call *call = NULL;
        ptv_error err = { 0 };
        assert_int_equal(ptv_soar_call_read(&call, bad[i], strlen(bad[i]), &err), PTV_EINVAL);
        assert_null(call);
    }
}

static void it_refuses_thousands_of_inputs(void **state)
{
    (void)state;
    ptv_buf body = PTV_BUF(1 << 20);
    ptv_error err = { 0 };
    const ptv_soar_call *call = NULL;
    ptv_buf_putc(&body, '{');
    for (int i = 0; i < 2000; i++)
        ptv_buf_printf(&body, "%s\"k%d\":1", i ? "," : "", i);
    ptv_buf_putc(&body, '}');
    assert_int_equal(ptv_soar_call_read(&call, body.data, body.len, &err), PTV_EINVAL);
    ptv_buf_release(&body);
}

static void it_writes_messages_as_python_does(void **state)
{
    (void)state;
    ptv_buf out = PTV_BUF(1 << 16);
    ptv_call_status(&out, "Starting App Function: 'f\xC3\xBC'");
    assert_string_equal(out.data,
                        "{\"message_type\": 0, \"message\": \"Starting App Function: 'f\\u00fc'\", \"complete\": false}");
    ptv_buf_clear(&out);
    ptv_call_status(&out, "");
    assert_string_equal(out.data, "{\"message_type\": 0, \"message\": \"(No status)\", \"complete\": false}");
    ptv_buf_clear(&out);
    ptv_call_error(&out, "boom: \"it\"\nfailed");
    assert_string_equal(out.data,
                        "{\"message_type\": 1, \"message\": \"ERROR:\\n\\nboom: \\\"it\\\"\\nfailed\", \"complete\": true}");
    ptv_buf_clear(&out);
    ptv_call_trapped(&out, "fn", "boom");
    assert_string_equal(out.data,
                        "{\"message_type\": 0, \"message\": \"Error running 'fn'. Config 'trap_exception' set to 'True' "
                        "so ignoring exception\\nERROR:\\nboom\", \"complete\": true, \"results\": {\"success\": false, "
                        "\"reason\": \"boom\"}}");
    ptv_buf_clear(&out);
    ptv_call_action(&out);
    assert_string_equal(
        out.data,
        "{\"message_type\": 0, \"message\": \"No handler returned a result for this action\", \"complete\": true}");
    ptv_buf_release(&out);
}

static void it_indents_a_result_and_puts_the_inputs_in(void **state)
{
    (void)state;
    static const char result[] =
        "{\"version\":2.0,\"content\":[],\"inputs\":{\"x\":[1,{\"inputs\":2}]},\"metrics\":{\"inputs\":\"\xC3\xA4\"}}\n";
    ptv_buf out = PTV_BUF(1 << 20);
    ptv_call_result(&out, result, sizeof result - 1, "{\"a\": 5.0, \"b\": []}");
    assert_string_equal(
        out.data, "{\n  \"message_type\": 0,\n  \"message\": \"Completed\",\n  \"complete\": true,\n  \"results\": {\n"
                  "    \"version\": 2.0,\n    \"content\": [],\n    \"inputs\": {\n      \"a\": 5.0,\n      \"b\": []\n"
                  "    },\n    \"metrics\": {\n      \"inputs\": \"\\u00e4\"\n    }\n  }\n}");
    ptv_buf_release(&out);
}

static void it_survives_every_failing_allocation(void **state)
{
    (void)state;
    static const char body[] = "{\"function\":{\"name\":\"f\"},\"inputs\":{\"passivetotal_artifact_type\":\"URL\","
                               "\"passivetotal_artifact_value\":\"\\ud800\",\"incident_id\":5}}";
    for (unsigned long n = 1;; n++) {
        const ptv_soar_call *call = NULL;
        ptv_error err = { 0 };
        size_t live = ptv_mem_live();
        ptv_mem_fail_at(n);
        ptv_code rc = ptv_soar_call_read(&call, body, sizeof body - 1, &err);
        ptv_mem_fail_at(0);
        ptv_soar_call_free(call);
        assert_int_equal(ptv_mem_live(), live);
        if (!rc)
            break;
        assert_int_equal(rc, PTV_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_hands_inputs_over_as_the_framework_does),
        cmocka_unit_test(it_keeps_text_as_it_came),
        cmocka_unit_test(it_replaces_what_no_reader_takes),
        cmocka_unit_test(it_takes_the_last_of_two_equal_keys),
        cmocka_unit_test(it_reads_names_and_ids),
        cmocka_unit_test(it_tells_functions_from_other_messages),
        cmocka_unit_test(it_takes_inputs_alone),
        cmocka_unit_test(it_says_what_is_wrong_with_inputs),
        cmocka_unit_test(it_refuses_what_is_no_object),
        cmocka_unit_test(it_refuses_thousands_of_inputs),
        cmocka_unit_test(it_writes_messages_as_python_does),
        cmocka_unit_test(it_indents_a_result_and_puts_the_inputs_in),
        cmocka_unit_test(it_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests_name("soar_call", tests, NULL, NULL);
}
