package main

import (
	"strings"
	"testing"

	"github.com/weir-project/weir/sdk/go/weirtest"
)

func start(t *testing.T) *weirtest.Instance {
	return weirtest.Start(t, plugin, map[string]string{"label": "here"})
}

func TestACommandItDoesNotKnowRejectsTheEvent(t *testing.T) {
	judged := start(t).Judge(weirtest.Given{}.Header("do", "dance"))
	if judged[0].Fate != weirtest.Rejected || judged[0].Reason != "unknown command `dance`" {
		t.Error(judged[0])
	}
}

func TestAnEchoSaysEverythingOfAnEvent(t *testing.T) {
	given := weirtest.Body(strings.Repeat("b", 65)).WithKey("k").At(5).Header("do", "echo").Header("x", "\xff")
	judged := start(t).Judge(given, weirtest.Given{}.Header("do", "echo"))
	for at, line := range []string{
		"key=6b;timestamp=5;body=len:65;headers=646f=6563686f,78=ff",
		"key=null;timestamp=null;body=null;headers=646f=6563686f",
	} {
		if body := string(judged[at].Event.Body); body != line {
			t.Errorf("%s, not %s", body, line)
		}
	}
}

func TestAnErrorFailsTheBatchWithTheBodyAsItsReason(t *testing.T) {
	if _, err := start(t).Try(weirtest.Body("no").Header("do", "error")); err == nil || err.Error() != "no" {
		t.Error(err)
	}
}

func TestAPanicIsAnErrorWithItsStack(t *testing.T) {
	_, err := start(t).Try(weirtest.Body("x").Header("do", "panic"))
	if err == nil || !strings.HasPrefix(err.Error(), "panic: conformance panic\n") || !strings.Contains(err.Error(), "main.go") {
		t.Error(err)
	}
}

func TestACountIsThePluginsOwn(t *testing.T) {
	instance := start(t)
	instance.Judge(weirtest.Given{}.Header("do", "count"), weirtest.Given{}.Header("do", "count"))
	if seen := instance.Counted("seen"); seen != 2 {
		t.Error(seen)
	}
}
