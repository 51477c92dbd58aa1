/* The plugin's own test: runs natively. */
#include <assert.h>
#include <stdio.h>
#include <weir_testing.h>

static const char *body(const char *card, const char *amount, const char *mcc, const char *country) {
    return weir_format("{\"id\":\"t-1\",\"card\":\"%s\",\"amount\":%s,\"currency\":\"EUR\",\"merchant\":\"m\",\"mcc\":\"%s\",\"country\":\"%s\","
                       "\"home\":\"SE\",\"ts\":1,\"more\":[1]}", card, amount, mcc, country);
}

static void points_add_up(void) {
    weir_test *test = weir_test_start(NULL, 0);
    weir_given events[] = {
        weir_given_body(body("1", "10", "5411", "SE")),
        weir_given_body(body("2", "10", "5411", "NO")),
        weir_given_body(body("3", "500", "7995", "NO")),
        weir_given_body(body("4", "2000.5", "7995", "NO")),
    };
    static const char *const marks[][2] = {{"0.004", "approve"}, {"0.204", "approve"}, {"0.650", "review"}, {"0.850", "refuse"}};
    const weir_judged *judged = weir_test_judge(test, events, 4);
    for (int at = 0; at < 4; at++) {
        assert(weir_is(weir_given_find(&judged[at].event, "fraud.score"), marks[at][0]));
        assert(weir_is(weir_given_find(&judged[at].event, "fraud.verdict"), marks[at][1]));
    }
    weir_test_end(test);
}

static void a_card_used_again_and_again_gains_points_up_to_a_bound(void) {
    static const char *const scores[] = {"0.000", "0.100", "0.200", "0.300", "0.300", "0.300"};
    weir_test *test = weir_test_start(NULL, 0);
    for (int batch = 0; batch < 2; batch++) {
        weir_given events[6];
        for (int at = 0; at < 6; at++) events[at] = weir_given_body(body("1", "0", "5411", "SE"));
        const weir_judged *judged = weir_test_judge(test, events, 6);
        for (int at = 0; at < 6; at++) assert(weir_is(weir_given_find(&judged[at].event, "fraud.score"), scores[at]));
    }
    weir_test_end(test);
}

static void what_is_no_transaction_is_rejected_with_the_reason(void) {
    const char *whole = body("1", "10", "5", "SE");
    const char *cases[][2] = {
        {"", "no `card`"},
        {" [1]", "no `card`"},
        {"{\"id\":1}", "no `card`"},
        {"not a transaction", "no `card`"},
        {weir_format("%sx", whole), "no `card`"},
        {weir_format("%.*s", (int)strlen(whole) - 1, whole), "no `card`"},
        {"{\"card\":\"1\",\"amount\":1e999}", "no number `amount`"},
        {"{\"card\":\"1\",\"amount\":\"1\"}", "no number `amount`"},
        {"{\"card\":\"1\",\"amount\":1}", "no `mcc`"},
        {"{\"card\":\"1\",\"amount\":1,\"mcc\":\"5\",\"country\":null}", "no `country`"},
        {"{\"card\":\"1\",\"amount\":1,\"mcc\":\"5\",\"country\":\"SE\"}", "no `home`"},
        {body("1", "-1", "5", "SE"), "amount -1 is negative"},
    };
    weir_test *test = weir_test_start(NULL, 0);
    for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
        weir_given event = weir_given_body(cases[at][0]);
        const weir_judged *judged = weir_test_judge(test, &event, 1);
        const char *reason = weir_format("not a transaction: %s", cases[at][1]);
        if (judged->fate != WEIR_REJECT || !weir_is(judged->reason, reason)) {
            fprintf(stderr, "%s: %.*s, not %s\n", cases[at][0], (int)judged->reason.len, (const char *)judged->reason.data, reason);
            assert(false);
        }
    }
    weir_given none = {0};
    assert(weir_is(weir_test_judge(test, &none, 1)->reason, "not a transaction: no `card`"));
    weir_test_end(test);
}

static void thresholds_must_make_sense(void) {
    weir_test *test;
    weir_given_setting review = {"review_above", "0.9"}, limit = {"amount_limit", "0"};
    assert(strcmp(weir_test_try_start(&review, 1, &test),
                  "`review_above` (0.9) must not be above `refuse_above` (0.8), and both between 0 and 1") == 0);
    assert(strcmp(weir_test_try_start(&limit, 1, &test), "`amount_limit` (0) must be above 0") == 0);
}

int main(void) {
    points_add_up();
    a_card_used_again_and_again_gains_points_up_to_a_bound();
    what_is_no_transaction_is_rejected_with_the_reason();
    thresholds_must_make_sense();
    puts("all is well");
}
