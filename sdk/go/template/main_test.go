package main

import (
	"testing"

	"github.com/weir-project/weir/sdk/go/weirtest"
)

func TestLargeEventsAreMarked(t *testing.T) {
	instance := weirtest.Start(t, plugin, map[string]string{"limit": "3"})
	judged := instance.Judge(weirtest.Body("abc"), weirtest.Body("abcd"))
	if judged[0].Header("large") != "" || judged[1].Header("large") != "yes" {
		t.Error(judged)
	}
	if counted := instance.Counted("large"); counted != 1 {
		t.Error(counted)
	}
}

func TestAnEventWithoutABodyIsRejected(t *testing.T) {
	judged := weirtest.Start(t, plugin, nil).Judge(weirtest.Given{})
	if judged[0].Fate != weirtest.Rejected || judged[0].Reason != "no body" {
		t.Error(judged[0])
	}
}

func TestALimitThatIsNoNumberIsRefused(t *testing.T) {
	if _, err := weirtest.Configure(plugin, map[string]string{"limit": "much"}); err == nil {
		t.Error("it was taken")
	}
}
