/* The plugin's own tests: they run natively. */
#include <assert.h>
#include <stdio.h>
#include <weir_testing.h>

static void large_events_are_marked(void) {
    weir_given_setting limit = {"limit", "3"};
    weir_test *test = weir_test_start(&limit, 1);
    weir_given events[] = {weir_given_body("abc"), weir_given_body("abcd")};
    const weir_judged *judged = weir_test_judge(test, events, 2);
    assert(!weir_given_find(&judged[0].event, "large").data);
    assert(weir_is(weir_given_find(&judged[1].event, "large"), "yes"));
    assert(weir_test_counted(test, "large") == 1);
    weir_test_end(test);
}

static void an_event_without_a_body_is_rejected(void) {
    weir_test *test = weir_test_start(NULL, 0);
    weir_given tombstone = {0};
    const weir_judged *judged = weir_test_judge(test, &tombstone, 1);
    assert(judged->fate == WEIR_REJECT && weir_is(judged->reason, "no body"));
    weir_test_end(test);
}

static void a_limit_that_is_no_number_is_refused(void) {
    weir_given_setting limit = {"limit", "much"};
    weir_test *test;
    assert(weir_test_try_start(&limit, 1, &test));
}

int main(void) {
    large_events_are_marked();
    an_event_without_a_body_is_rejected();
    a_limit_that_is_no_number_is_refused();
    puts("all is well");
}
