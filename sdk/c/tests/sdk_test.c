/* What the SDK promises, natively: bytes, settings, columns, edits, the test double; and that the bindings are those of the contract. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir.h>
#include <weir_testing.h>

static const weir_parameter parameters[] = {
    {"limit", "a number", false, "10"}, {"name", "a text", true, NULL}, {"ratio", "a number", false, "0.5"}, {"on", "a truth", false, "true"}, {"note", "a text", false, NULL}};

static const char *configure(const weir_settings *settings, void **state) {
    int64_t limit;
    double ratio;
    bool on;
    const char *error = weir_get_int(settings, "limit", &limit);
    if (!error) error = weir_get_double(settings, "ratio", &ratio);
    if (!error) error = weir_get_bool(settings, "on", &on);
    if (error) return error;
    assert(!weir_setting(settings, "note").data);
    *state = NULL;
    return limit > 0 ? NULL : "`limit` must be above 0";
}

static weir_verdict intercept(void *state, weir_event event) {
    (void)state;
    weir_bytes what = weir_header_text(event, weir_str("do"));
    if (weir_is(what, "discard")) return weir_discard();
    if (weir_is(what, "derive")) {
        weir_header_t header = {weir_str("n"), weir_str("1")};
        weir_derive(event, weir_str("one"), &header, 1);
        weir_derive(event, weir_str("two"), NULL, 0);
        return weir_discard();
    }
    if (weir_is(what, "derive and reject")) {
        weir_derive(event, weir_str("one"), NULL, 0);
        return weir_rejectf("%d too many", 3);
    }
    if (weir_is(what, "twice")) {
        weir_clear_key(event), weir_set_key(event, weir_str("k"));
        weir_set_body(event, weir_str("b")), weir_clear_body(event);
        weir_set_header(event, weir_str("h"), weir_str("1")), weir_set_header(event, weir_str("h"), weir_str("2"));
    }
    if (weir_is(what, "json")) {
        double number;
        weir_bytes text = weir_json_text(event, weir_str("/a/1/b~1c"));
        if (text.data) weir_set_header(event, weir_str("text"), text);
        if (weir_json_number(event, weir_str("/a/0"), &number)) weir_set_header(event, weir_str("number"), weir_str(weir_format("%g", number)));
    }
    if (weir_is(what, "nameless")) weir_set_header(event, weir_str(""), weir_str("1"));
    if (weir_is(what, "bad text")) return weir_reject("a\xff\xe2\x82z");
    weir_count("seen", 1), weir_count("Bad", 1);
    return weir_keep();
}

/* Goes through the batch backwards, so that the edits need sorting; the double, as the host, wants them in order. */
static const char *intercept_batch(void *state, weir_batch *batch) {
    for (uint32_t index = weir_len(batch); index-- > 0;) {
        weir_event event = weir_at(batch, index);
        if (weir_is(weir_header(event, weir_str("do")), "fail")) return "no more";
        weir_set_header(event, weir_str("place"), weir_str(weir_format("%u", (unsigned)index)));
        weir_decide(event, intercept(state, event));
    }
    return NULL;
}

const weir_plugin_t weir_plugin = {"sdk-test", "0.1.0", parameters, 5, configure, intercept, intercept_batch};

static void bytes_are_bounded(void) {
    weir_bytes text = weir_bytes_of("abc", 2), piece;
    assert(weir_slice(text, 1, 9).len == 1 && weir_slice(text, 7, 1).len == 0);
    assert(!weir_slice(weir_bytes_of(NULL, 0), 0, 1).data);
    weir_bytes rest = weir_str("a,,b");
    assert(weir_next(&rest, ',', &piece) && weir_is(piece, "a"));
    assert(weir_next(&rest, ',', &piece) && piece.len == 0);
    assert(weir_next(&rest, ',', &piece) && weir_is(piece, "b"));
    assert(!weir_next(&rest, ',', &piece));
    assert(weir_is(weir_trim(weir_str(" \ta b\r\n")), "a b") && weir_trim(weir_str("  ")).len == 0);
}

static void numbers_are_whole_texts(void) {
    int64_t number;
    double value;
    assert(weir_parse_int(weir_str("-9223372036854775808"), &number) && number == INT64_MIN);
    assert(weir_parse_int(weir_str("9223372036854775807"), &number) && number == INT64_MAX);
    assert(!weir_parse_int(weir_str("9223372036854775808"), &number) && !weir_parse_int(weir_str(""), &number));
    assert(!weir_parse_int(weir_str("1x"), &number) && !weir_parse_int(weir_str("-"), &number));
    static const char *const doubles[] = {"0", "-0.5", "1e3", "123456789012345678901234567890", "1.7976931348623157e308", "5e-324",
                                          "0.1", "2.5E-3", "9007199254740993", "1e23", "0.000000000000000000000000000001", "1e-400"};
    for (size_t at = 0; at < sizeof doubles / sizeof *doubles; at++)
        assert(weir_parse_double(weir_str(doubles[at]), &value) && value == strtod(doubles[at], NULL));
    static const char *const none[] = {"", "-", ".", "1e", "0x10", "nan", "inf", "1 ", " 1", "1.2.3", "1e999"};
    for (size_t at = 0; at < sizeof none / sizeof *none; at++) assert(!weir_parse_double(weir_str(none[at]), &value));
    /* Of a body "12" cut out of "123", nothing behind its end is read. */
    assert(weir_parse_double(weir_bytes_of("123", 2), &value) && value == 12);
}

static void text_is_checked(void) {
    assert(weir_is_utf8(weir_str("a\xc3\xa5\xf0\x9f\x8e\x88")) && weir_is_utf8(weir_str("")));
    static const char *const broken[] = {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"};
    for (size_t at = 0; at < sizeof broken / sizeof *broken; at++) assert(!weir_is_utf8(weir_str(broken[at])));
}

static void settings_are_checked(void) {
    weir_test *test;
    weir_given_setting name = {"name", "n"};
    assert(strcmp(weir_test_try_start(NULL, 0, &test), "`name` is required") == 0);
    weir_given_setting unknown[] = {name, {"nam", "n"}};
    assert(strcmp(weir_test_try_start(unknown, 2, &test), "`nam` is unknown") == 0);
    weir_given_setting much[] = {name, {"limit", "much"}};
    assert(strcmp(weir_test_try_start(much, 2, &test), "`limit` cannot be `much`: it is no whole number, or too large") == 0);
    weir_given_setting zero[] = {name, {"limit", " 0 "}};
    assert(strcmp(weir_test_try_start(zero, 2, &test), "`limit` must be above 0") == 0);
    weir_given_setting maybe[] = {name, {"on", "maybe"}};
    assert(strcmp(weir_test_try_start(maybe, 2, &test), "`on` cannot be `maybe`: it is neither `true` nor `false`") == 0);
}

static void events_are_judged(void) {
    weir_given_setting name = {"name", "n"};
    weir_test *test = weir_test_start(&name, 1);
    weir_given keyed = weir_given_header(weir_given_body("x"), "do", "twice");
    keyed.key = weir_str("old");
    weir_given events[] = {
        weir_given_body("a"),
        weir_given_header(weir_given_body("b"), "do", "discard"),
        weir_given_header(weir_given_body("c"), "do", "derive"),
        weir_given_header(weir_given_body("d"), "do", "derive and reject"),
        keyed,
        weir_given_header(weir_given_body("{\"a\":[1.5,{\"b/c\":\"\\u00e5\\ud83c\\udf88\\n\"}]}"), "do", "json"),
        weir_given_header(weir_given_body("{\"a\":[1.5,{\"b/c\":\"x\"}]"), "do", "json"),
        weir_given_header(weir_given_body(""), "do", "bad text"),
    };
    const weir_judged *judged = weir_test_judge(test, events, 8);
    assert(judged[0].fate == WEIR_KEEP && weir_is(weir_given_find(&judged[0].event, "place"), "0"));
    assert(judged[1].fate == WEIR_DISCARD);
    assert(judged[2].derived_count == 2 && weir_is(judged[2].derived[0].body, "one") && weir_is(judged[2].derived[1].body, "two"));
    assert(weir_is(weir_given_find(&judged[2].derived[0], "n"), "1") && judged[2].derived[1].header_count == 0);
    assert(judged[3].fate == WEIR_REJECT && weir_is(judged[3].reason, "3 too many") && judged[3].derived_count == 0);
    assert(weir_is(judged[4].event.key, "k") && !judged[4].event.body.data && weir_is(weir_given_find(&judged[4].event, "h"), "2"));
    assert(weir_is(weir_given_find(&judged[5].event, "text"), "\xc3\xa5\xf0\x9f\x8e\x88\n"));
    assert(weir_is(weir_given_find(&judged[5].event, "number"), "1.5"));
    assert(!weir_given_find(&judged[6].event, "text").data);
    assert(weir_is(judged[7].reason, "a\xef\xbf\xbd\xef\xbf\xbdz"));
    assert(weir_test_counted(test, "seen") == 4 && weir_test_counted(test, "Bad") == 0);

    weir_given failing[] = {weir_given_body("a"), weir_given_header(weir_given_body("b"), "do", "fail")};
    assert(strcmp(weir_test_try_judge(test, failing, 2, &judged), "no more") == 0);
    weir_given nameless = weir_given_header(weir_given_body("a"), "do", "nameless");
    assert(strstr(weir_test_try_judge(test, &nameless, 1, &judged), "a header name is empty"));
    assert(weir_test_judge(test, NULL, 0));
    weir_test_end(test);
}

/* A digest of the WIT without comments and spaces: FNV-1a. */
static void the_bindings_are_those_of_the_contract(void) {
    FILE *file = fopen("wit/interceptor.wit", "r");
    assert(file && "run me in the SDK's directory");
    uint64_t digest = UINT64_C(0xcbf29ce484222325);
    char line[4096];
    while (fgets(line, sizeof line, file)) {
        char *comment = strstr(line, "//");
        if (comment) *comment = 0;
        for (char *at = line; *at; at++)
            if (!strchr(" \t\r\n", *at)) digest = (digest ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
    }
    fclose(file);
    char now[17];
    snprintf(now, sizeof now, "%016llx", (unsigned long long)digest);
    if (strcmp(now, WEIR_CONTRACT) == 0) return;
    fprintf(stderr, "wit/interceptor.wit has changed: make src/internal.h and src/weir.c follow, then write %s as WEIR_CONTRACT\n", now);
    exit(1);
}

int main(void) {
    bytes_are_bounded();
    numbers_are_whole_texts();
    text_is_checked();
    settings_are_checked();
    events_are_judged();
    the_bindings_are_those_of_the_contract();
    puts("all is well");
}
