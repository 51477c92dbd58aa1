package weir_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	weir "github.com/weir-project/weir/sdk/go"
	"github.com/weir-project/weir/sdk/go/weirtest"
)

// judge is a plugin of one function.
type judge func(weir.Event) weir.Verdict

func (j judge) Intercept(event weir.Event) weir.Verdict { return j(event) }

// whole is one that sees batches.
type whole struct {
	judge
	batch func(*weir.Batch) error
}

func (w whole) InterceptBatch(batch *weir.Batch) error { return w.batch(batch) }

func of(interceptor weir.Interceptor) weir.Plugin {
	return weir.Plugin{Name: "test", Version: "0.1.0", Configure: func(*weir.Settings) (weir.Interceptor, error) { return interceptor, nil }}
}

func start(t *testing.T, interceptor weir.Interceptor) *weirtest.Instance {
	return weirtest.Start(t, of(interceptor), nil)
}

func TestAbsentIsNotEmpty(t *testing.T) {
	var seen []bool
	instance := start(t, judge(func(event weir.Event) weir.Verdict {
		_, timed := event.Timestamp()
		seen = append(seen, event.Body() == nil, event.Key() == nil, event.Header("h") == nil, timed)
		return weir.Keep
	}))
	instance.Judge(weirtest.Given{}, weirtest.Body("").WithKey("").Header("h", "").At(0))
	if !slices.Equal(seen, []bool{true, true, true, false, false, false, false, true}) {
		t.Error(seen)
	}
}

func TestEveryEditArrives(t *testing.T) {
	instance := start(t, judge(func(event weir.Event) weir.Verdict {
		event.RemoveHeader("old")
		event.SetHeaderText("h", "1")
		event.SetHeader("h", []byte("2"))
		event.ClearKey()
		event.SetKey([]byte("k"))
		event.SetBody(nil)
		if event.Index() == 1 {
			event.ClearBody()
		}
		event.Derive([]byte("d"), weir.Header{Name: "n", Value: []byte("1")})
		return weir.Keep
	}))
	for index, judged := range instance.Judge(weirtest.Body("a").Header("old", "x").Header("h", "0"), weirtest.Body("b")) {
		event := judged.Event
		if len(event.Headers) != 1 || judged.Header("h") != "2" || string(event.Key) != "k" || (event.Body == nil) != (index == 1) {
			t.Error(judged)
		}
		if len(judged.Derived) != 1 || string(judged.Derived[0].Body) != "d" || judged.Derived[0].Headers[0].Name != "n" {
			t.Error(judged.Derived)
		}
	}
}

func TestARejectedEventDerivesNothing(t *testing.T) {
	instance := start(t, judge(func(event weir.Event) weir.Verdict {
		event.Derive([]byte("d"))
		return weir.Reject("no\xff")
	}))
	judged := instance.Judge(weirtest.Body("a"))[0]
	if judged.Fate != weirtest.Rejected || judged.Reason != "no\uFFFD" || judged.Derived != nil {
		t.Error(judged)
	}
}

func TestEditsAreInOrderHoweverABatchIsGoneThrough(t *testing.T) {
	instance := start(t, whole{batch: func(batch *weir.Batch) error {
		for index := batch.Len() - 1; index >= 0; index-- {
			event := batch.Event(index)
			event.SetHeaderText("first", fmt.Sprint(index))
			if index%2 == 0 {
				event.Decide(weir.Discard)
			}
		}
		for event := range batch.Events() {
			event.SetHeaderText("second", fmt.Sprint(event.Index()))
		}
		return nil
	}})
	for index, judged := range instance.Judge(weirtest.Body("a"), weirtest.Body("b"), weirtest.Body("c")) {
		fate := []weirtest.Fate{weirtest.Discarded, weirtest.Kept}[index%2]
		if judged.Fate != fate || judged.Header("first") != fmt.Sprint(index) || judged.Header("second") != fmt.Sprint(index) {
			t.Error(index, judged)
		}
	}
}

func TestHeadersAreSeenInOrder(t *testing.T) {
	var seen []string
	instance := start(t, judge(func(event weir.Event) weir.Verdict {
		for name, value := range event.Headers() {
			seen = append(seen, fmt.Sprintf("%d %s=%s", event.Index(), name, value))
		}
		last, _ := event.HeaderText("a")
		_, text := event.HeaderText("\xff")
		seen = append(seen, last, fmt.Sprint(text))
		return weir.Keep
	}))
	instance.Judge(weirtest.Given{}, weirtest.Given{}.Header("a", "1").Header("\xff", "\xfe").Header("a", "2"))
	if got := strings.Join(seen, ","); got != ",false,1 a=1,1 \xff=\xfe,1 a=2,2,false" {
		t.Errorf("%q", got)
	}
}

func TestFieldsOfJSON(t *testing.T) {
	var seen []string
	instance := start(t, judge(func(event weir.Event) weir.Verdict {
		for _, pointer := range []string{"/a", "/b/1", "/c~1d", "/none", "/null"} {
			text, ok := event.JSONText(pointer)
			number, is := event.JSONNumber(pointer)
			seen = append(seen, fmt.Sprintf("%s %t %v %t", text, ok, number, is))
		}
		return weir.Keep
	}))
	instance.Judge(weirtest.Body(`{"a":"\u00e5","b":[0,1.50],"c/d":{"x": 1},"null":null}`), weirtest.Body("none"))
	want := []string{"å true 0 false", "1.50 true 1.5 true", `{"x": 1} true 0 false`, " false 0 false", " false 0 false"}
	for range 5 {
		want = append(want, " false 0 false")
	}
	if !slices.Equal(seen, want) {
		t.Errorf("%q", seen)
	}
}

func TestRangesOfBodies(t *testing.T) {
	var seen []string
	instance := start(t, whole{batch: func(batch *weir.Batch) error {
		ranges := batch.BodyRanges(2, 3)
		for event := range batch.Events() {
			seen = append(seen, fmt.Sprintf("%s %t", ranges.Of(event), ranges.Of(event) == nil))
		}
		return nil
	}})
	instance.Judge(weirtest.Body("0123456"), weirtest.Body("012"), weirtest.Body("0"), weirtest.Given{})
	if !slices.Equal(seen, []string{"234 false", "2 false", " false", " true"}) {
		t.Errorf("%q", seen)
	}
}

func TestWhatIsAppendedToABodyDoesNotGetIntoTheNextOne(t *testing.T) {
	instance := start(t, judge(func(event weir.Event) weir.Verdict {
		event.SetBody(append(event.Body(), '!'))
		return weir.Keep
	}))
	judged := instance.Judge(weirtest.Body("a"), weirtest.Body("b"))
	if string(judged[0].Event.Body) != "a!" || string(judged[1].Event.Body) != "b!" {
		t.Error(judged)
	}
}

func TestAFailureFailsTheBatch(t *testing.T) {
	for message, interceptor := range map[string]weir.Interceptor{
		"no more":          whole{batch: func(*weir.Batch) error { return errors.New("no more") }},
		"panic: too large": judge(func(weir.Event) weir.Verdict { panic("too large") }),
		"a header name is": judge(func(event weir.Event) weir.Verdict { event.SetHeaderText("", "x"); return weir.Keep }),
		"panic: \"x\" is not a JSON pointer": judge(func(event weir.Event) weir.Verdict {
			event.JSONText("x")
			return weir.Keep
		}),
	} {
		if _, err := start(t, interceptor).Try(weirtest.Body("a")); err == nil || !strings.HasPrefix(err.Error(), message) {
			t.Errorf("%v, not %s", err, message)
		}
	}
}

func TestAnEventIsOverWithItsCall(t *testing.T) {
	var kept *weir.Event
	instance := start(t, judge(func(event weir.Event) weir.Verdict {
		if kept == nil {
			kept = &event
			return weir.Keep
		}
		kept.Body()
		return weir.Keep
	}))
	instance.Judge(weirtest.Body("a"))
	if _, err := instance.Try(weirtest.Body("b")); err == nil || !strings.Contains(err.Error(), "used after its call") {
		t.Error(err)
	}
}

func TestSettingsAreTyped(t *testing.T) {
	plugin := of(nil)
	plugin.Parameters = []weir.Parameter{
		weir.Required("limit", ""), weir.Optional("ratio", "", " 0.5 "), weir.Absent("note", ""), weir.Optional("names", "", "a, b,,c"),
		weir.Optional("after", "", "1m30s"), weir.Optional("on", "", "true"),
	}
	plugin.Configure = func(settings *weir.Settings) (weir.Interceptor, error) {
		limit, err := weir.Get[uint32](settings, "limit")
		if err != nil {
			return nil, err
		}
		ratio, _ := weir.Get[float64](settings, "ratio")
		_, noted, _ := weir.Find[string](settings, "note")
		after, _ := weir.Get[time.Duration](settings, "after")
		on, _ := weir.Get[bool](settings, "on")
		if limit != 7 || ratio != 0.5 || noted || after != 90*time.Second || !on || !slices.Equal(settings.List("names"), []string{"a", "b", "c"}) {
			return nil, fmt.Errorf("%v %v %v %v %v", limit, ratio, noted, after, on)
		}
		return judge(func(weir.Event) weir.Verdict { return weir.Keep }), nil
	}
	for _, test := range []struct {
		given map[string]string
		error string
	}{
		{map[string]string{"limit": "7"}, "<nil>"},
		{nil, "`limit` is required"},
		{map[string]string{"limit": "much"}, "`limit` cannot be `much`: invalid syntax"},
		{map[string]string{"limit": "-1"}, "`limit` cannot be `-1`: invalid syntax"},
		{map[string]string{"limit": "4294967296"}, "`limit` cannot be `4294967296`: value out of range"},
		{map[string]string{"limit": "7", "limitt": "7"}, "`limitt` is unknown"},
	} {
		if _, err := weirtest.Configure(plugin, test.given); fmt.Sprint(err) != test.error {
			t.Errorf("%v, not %s", err, test.error)
		}
	}
}

func TestWhatIsLoggedAndCountedIsHeard(t *testing.T) {
	instance := start(t, judge(func(event weir.Event) weir.Verdict {
		weir.Warnf("saw %s", event.Body())
		weir.Count("seen", 2)
		weir.Count("Not_Taken", 1)
		return weir.Keep
	}))
	instance.Judge(weirtest.Body("a"), weirtest.Body("\xff"))
	if !slices.Equal(instance.Log(), []string{"warn: saw a", "warn: saw \uFFFD"}) || instance.Counted("seen") != 4 || instance.Counted("Not_Taken") != 0 {
		t.Error(instance.Log(), instance.Counted("seen"))
	}
}
