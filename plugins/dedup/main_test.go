package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weir-project/weir/sdk/go/weirtest"
)

func start(t *testing.T, settings map[string]string) *weirtest.Instance {
	return weirtest.Start(t, plugin, settings)
}

// fates are what became of events, a letter each.
func fates(judged []weirtest.Judged) string {
	var fates strings.Builder
	for _, one := range judged {
		fates.WriteByte(one.Fate[0])
	}
	return fates.String()
}

func keyed(key string, at int64) weirtest.Given { return weirtest.Body("x").WithKey(key).At(at) }

func from(given weirtest.Given, offset int) weirtest.Given {
	return given.Header("topic", "t").Header("partition", "0").Header("offset", fmt.Sprint(offset))
}

func TestARepeatedKeyIsDroppedWithinTheWindow(t *testing.T) {
	instance := start(t, map[string]string{"window": "10s"})
	got := fates(instance.Judge(keyed("a", 1000), keyed("b", 1000), keyed("a", 10_999), keyed("a", 11_000), keyed("a", 20_999)))
	if got != "kkdkd" {
		t.Error(got)
	}
	if repeats := instance.Counted("repeats"); repeats != 2 {
		t.Error(repeats)
	}
}

func TestIdsAreRememberedFromBatchToBatch(t *testing.T) {
	instance := start(t, nil)
	if got := fates(instance.Judge(keyed("a", 1))) + fates(instance.Judge(keyed("a", 2))); got != "kd" {
		t.Error(got)
	}
}

func TestAnEventThatComesAgainIsNoRepeatOfItself(t *testing.T) {
	instance := start(t, nil)
	events := []weirtest.Given{from(keyed("a", 1), 7), from(keyed("a", 2), 8)}
	if got := fates(instance.Judge(events...)) + fates(instance.Judge(events...)); got != "kdkd" {
		t.Error(got)
	}
}

func TestAnIdInAHeaderOrInTheBody(t *testing.T) {
	header := start(t, map[string]string{"id": "header:id"})
	if got := fates(header.Judge(weirtest.Body("1").Header("id", "a"), weirtest.Body("2").Header("id", "a"), weirtest.Body("3"))); got != "kdk" {
		t.Error(got)
	}
	body := start(t, map[string]string{"id": "json:/order/id"})
	got := fates(body.Judge(weirtest.Body(`{"order":{"id":7}}`), weirtest.Body(`{"order":{"id":"7"}}`), weirtest.Body("no JSON"), weirtest.Body("no JSON")))
	if got != "kdkk" {
		t.Error(got)
	}
}

func TestOneWithoutAnIdIsKeptOrRejected(t *testing.T) {
	judged := start(t, map[string]string{"without_id": "reject"}).Judge(weirtest.Body("x"))
	if judged[0].Fate != weirtest.Rejected || judged[0].Reason != "no id" {
		t.Error(judged)
	}
}

func TestAnEmptyKeyIsAnId(t *testing.T) {
	if got := fates(start(t, nil).Judge(keyed("", 1), keyed("", 2), weirtest.Body("x"), weirtest.Body("x"))); got != "kdkk" {
		t.Error(got)
	}
}

func TestTheOldestIdsAreForgotten(t *testing.T) {
	instance := start(t, map[string]string{"max_ids": "2", "window": "1s"})
	// a is seen anew after the window, so c pushes its old place out, not its new one.
	got := fates(instance.Judge(keyed("a", 0), keyed("b", 0), keyed("a", 5000), keyed("c", 5000), keyed("a", 5001), keyed("b", 0)))
	if got != "kkkkdk" {
		t.Error(got)
	}
	if known := len(instanceOf(2)); known != 2 {
		t.Error(known)
	}
}

// instanceOf remembers many more ids than fit.
func instanceOf(most int) map[string]sighting {
	recent := newRecent(most, 1000)
	for number := range 100 {
		recent.isRepeat(fmt.Append(nil, number), unknown, "")
	}
	return recent.first
}

func TestLongIdsAreToldApartAndNotKept(t *testing.T) {
	long := strings.Repeat("x", 1000)
	if got := fates(start(t, nil).Judge(keyed(long+"1", 1), keyed(long+"2", 1), keyed(long+"1", 1))); got != "kkd" {
		t.Error(got)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	for given, want := range map[[2]string]string{
		{"id", "value"}:        "`id` must be `key`, `header:NAME` or `json:/POINTER`, not `value`",
		{"id", "header:"}:      "`id` must be `key`, `header:NAME` or `json:/POINTER`, not `header:`",
		{"window", "10"}:       "`window` cannot be `10`: ",
		{"window", "0s"}:       "`window` must be at least `1ms`",
		{"max_ids", "0"}:       "`max_ids` must be between 1 and 200000",
		{"without_id", "drop"}: "`without_id` must be `keep` or `reject`, not `drop`",
	} {
		if _, err := weirtest.Configure(plugin, map[string]string{given[0]: given[1]}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v: %v", given, err)
		}
	}
}
