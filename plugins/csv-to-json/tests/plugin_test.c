/* The plugin's own test: runs natively. */
#include <assert.h>
#include <stdio.h>
#include <weir_testing.h>

static const weir_given_setting columns = {"columns", "id:integer, name,price:number,paid:boolean"};

/* Of a body in a block of its own, so that a look behind its end is found. */
static const weir_judged *judge(weir_test *test, const char *row) {
    uint8_t *copy = weir_alloc(strlen(row));
    memcpy(copy, row, strlen(row));
    weir_given event = {0};
    event.body = weir_bytes_of(copy, strlen(row));
    return weir_test_judge(test, &event, 1);
}

static void becomes(weir_test *test, const char *row, const char *json) {
    const weir_judged *judged = judge(test, row);
    if (judged->fate == WEIR_KEEP && weir_is(judged->event.body, json)) return;
    fprintf(stderr, "%s: %.*s%.*s, not %s\n", row, (int)judged->reason.len, (const char *)judged->reason.data, (int)judged->event.body.len,
            (const char *)judged->event.body.data, json);
    assert(false);
}

static void refused(weir_test *test, const char *row, const char *reason) {
    const weir_judged *judged = judge(test, row);
    reason = weir_format("not a row: %s", reason);
    if (judged->fate == WEIR_REJECT && weir_is(judged->reason, reason)) return;
    fprintf(stderr, "%s: %.*s, not %s\n", row, (int)judged->reason.len, (const char *)judged->reason.data, reason);
    assert(false);
}

static void rows_become_objects(void) {
    weir_test *test = weir_test_start(&columns, 1);
    becomes(test, "1,pen,1.50,true", "{\"id\":1,\"name\":\"pen\",\"price\":1.50,\"paid\":true}");
    becomes(test, "-1,\"a \"\"b\"\", c\",-1e3,false\r\n", "{\"id\":-1,\"name\":\"a \\\"b\\\", c\",\"price\":-1e3,\"paid\":false}");
    becomes(test, "\"7\",\"two\nlines\",0,true\n", "{\"id\":7,\"name\":\"two\\nlines\",\"price\":0,\"paid\":true}");
    becomes(test, ",,,", "{\"id\":null,\"name\":null,\"price\":null,\"paid\":null}");
    becomes(test, "1,\"\",2,true", "{\"id\":1,\"name\":\"\",\"price\":2,\"paid\":true}");
    becomes(test, "1,\x01\t\\\xc3\xa5,2,true", "{\"id\":1,\"name\":\"\\u0001\\t\\\\\xc3\xa5\",\"price\":2,\"paid\":true}");
    weir_test_end(test);
}

static void what_is_no_row_is_rejected_with_where_and_why(void) {
    weir_test *test = weir_test_start(&columns, 1);
    refused(test, "", "column 2 (`name`), byte 1: missing: the row has 1 of 4 columns");
    refused(test, "1,pen", "column 3 (`price`), byte 6: missing: the row has 2 of 4 columns");
    refused(test, "1,pen,2,true,x", "column 5, byte 13: one too many: there are 4 columns");
    refused(test, "x,pen,2,true", "column 1 (`id`), byte 1: it is no integer of 64 bits");
    refused(test, "01,pen,2,true", "column 1 (`id`), byte 1: it is no integer of 64 bits");
    refused(test, "9223372036854775808,pen,2,true", "column 1 (`id`), byte 1: it is no integer of 64 bits");
    refused(test, "1,pen,2.,true", "column 3 (`price`), byte 7: it is no number");
    refused(test, "1,pen,+2,true", "column 3 (`price`), byte 7: it is no number");
    refused(test, "1,pen,1e999,true", "column 3 (`price`), byte 7: it is no number");
    refused(test, "1,pen,2,yes", "column 4 (`paid`), byte 9: it is neither `true` nor `false`");
    refused(test, "1,pe\"n,2,true", "column 2 (`name`), byte 5: a quote in a field without quotes");
    refused(test, "1,\"pen\"x,2,true", "column 2 (`name`), byte 8: something behind the closing quote");
    refused(test, "1,\"pen,2,true", "column 2 (`name`), byte 3: the quote is never closed");
    refused(test, "1,pen,2,true\n2,pen,2,true", "column 4 (`paid`), byte 14: the row is over, and more follows");
    refused(test, "1,\xff,2,true", "it is not UTF-8");
    weir_given none = {0};
    assert(weir_is(weir_test_judge(test, &none, 1)->reason, "not a row: no body"));
    weir_test_end(test);
}

static void separator_and_empty_fields_are_settings(void) {
    weir_given_setting settings[] = {{"columns", "a,b:number"}, {"separator", "tab"}, {"empty", "text"}};
    weir_test *test = weir_test_start(settings, 3);
    becomes(test, "x,y\t1", "{\"a\":\"x,y\",\"b\":1}");
    becomes(test, "\t", "{\"a\":\"\",\"b\":null}");
    weir_test_end(test);
}

static void settings_are_checked(void) {
    static const char *const cases[][4] = {
        {"columns", "", "`columns`: column 1 has no name"},
        {"columns", "a,,b", "`columns`: column 2 has no name"},
        {"columns", "a,b,a:number", "`columns`: `a` is there twice"},
        {"columns", "a:date", "`columns`: `a:date` must be `name` or `name:type`, with `text`, `number`, `integer` or `boolean`"},
        {"separator", ";;", "`separator` must be one ASCII character, no quote and no line end, or `tab`"},
        {"separator", "\"", "`separator` must be one ASCII character, no quote and no line end, or `tab`"},
        {"empty", "nil", "`empty` must be `null` or `text`"},
    };
    for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
        weir_given_setting settings[] = {columns, {cases[at][0], cases[at][1]}};
        weir_test *test;
        const char *error = weir_test_try_start(settings, 2, &test);
        if (!error || strcmp(error, cases[at][2]) != 0) fprintf(stderr, "%s=%s: %s\n", cases[at][0], cases[at][1], error);
        assert(error && strcmp(error, cases[at][2]) == 0);
    }
    weir_test *test;
    assert(strcmp(weir_test_try_start(NULL, 0, &test), "`columns` is required") == 0);
}

int main(void) {
    rows_become_objects();
    what_is_no_row_is_rejected_with_where_and_why();
    separator_and_empty_fields_are_settings();
    settings_are_checked();
    puts("all is well");
}
