// A plugin in C++17, and its test: the headers are usable from it.
#include <cassert>
#include <string>
#include <weir.h>
#include <weir_testing.h>

namespace {

struct Counter {
    std::string suffix;
};

const weir_parameter parameters[] = {{"suffix", "goes behind each body", false, "!"}};

const char *configure(const weir_settings *settings, void **state) {
    weir_bytes suffix;
    if (const char *error = weir_get_text(settings, "suffix", &suffix)) return error;
    static Counter counter;
    counter.suffix.assign(reinterpret_cast<const char *>(suffix.data), suffix.len);
    *state = &counter;
    return nullptr;
}

weir_verdict intercept(void *state, weir_event event) {
    const weir_bytes body = weir_body(event);
    if (!body.data) return weir_reject("no body");
    const std::string made = std::string(reinterpret_cast<const char *>(body.data), body.len) + static_cast<Counter *>(state)->suffix;
    weir_set_body(event, weir_bytes_of(made.data(), made.size()));
    return weir_keep();
}

}  // namespace

const weir_plugin_t weir_plugin = {"cxx", "0.1.0", parameters, 1, configure, intercept, nullptr};

int main() {
    weir_test *test = weir_test_start(nullptr, 0);
    const weir_given events[] = {weir_given_body("a"), weir_given{}};
    const weir_judged *judged = weir_test_judge(test, events, 2);
    assert(weir_is(judged[0].event.body, "a!"));
    assert(judged[1].fate == WEIR_REJECT && weir_is(judged[1].reason, "no body"));
    weir_test_end(test);
}
