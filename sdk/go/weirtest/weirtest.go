// Package weirtest runs an interceptor natively, on events made up for a test: no WebAssembly, no host.
//
//	func TestAnEmptyBodyIsRejected(t *testing.T) {
//		plugin := weirtest.Start(t, plugin, map[string]string{"limit": "3"})
//		judged := plugin.Judge(weirtest.Body("one"), weirtest.Body(""))
//		if judged[1].Fate != weirtest.Rejected || judged[1].Reason != "empty" {
//			t.Error(judged[1])
//		}
//	}
package weirtest

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	weir "github.com/weir-project/weir/sdk/go"
	"github.com/weir-project/weir/sdk/go/internal/contract"
)

// Given is an event for a test.
type Given struct {
	// Body; nil is none.
	Body []byte
	// Key; nil is none.
	Key []byte
	// Timestamp in milliseconds since the epoch; nil is unknown.
	Timestamp *int64
	// Headers, in order.
	Headers []weir.Header
}

// Body is an event with a body and nothing else.
func Body(body string) Given { return Given{Body: []byte(body)} }

// Header is the event with one more header.
func (g Given) Header(name, value string) Given {
	headers := append([]weir.Header{}, g.Headers...)
	g.Headers = append(headers, weir.Header{Name: name, Value: []byte(value)})
	return g
}

// WithKey is the event with this key.
func (g Given) WithKey(key string) Given {
	g.Key = []byte(key)
	return g
}

// At is the event with this time, in milliseconds since the epoch.
func (g Given) At(milliseconds int64) Given {
	g.Timestamp = &milliseconds
	return g
}

// Fate is whether an event goes on.
type Fate string

const (
	// Kept is an event that does.
	Kept Fate = "kept"
	// Discarded is one dropped on purpose.
	Discarded Fate = "discarded"
	// Rejected is one for the dead letters.
	Rejected Fate = "rejected"
)

// Judged is an event after the interceptor.
type Judged struct {
	// Fate says whether it goes on.
	Fate Fate
	// Reason of a rejection.
	Reason string
	// Event with its changes.
	Event Given
	// Derived are the new events right after it: body, and the headers set on top.
	Derived []Given
}

// Header is the last header of this name, as text; empty where there is none.
func (j Judged) Header(name string) string {
	for at := len(j.Event.Headers) - 1; at >= 0; at-- {
		if j.Event.Headers[at].Name == name {
			return string(j.Event.Headers[at].Value)
		}
	}
	return ""
}

// Instance is a configured plugin. It is for one goroutine at a time, as in a host.
type Instance struct {
	t      testing.TB
	plugin any
	log    []string
	counts map[string]uint64
}

// One instance runs at a time: what it says is heard by it alone.
var running sync.Mutex

// Configure makes an instance as the host does: unknown settings are refused, defaults filled in. The error is what the host or the plugin's
// own Configure says of the settings.
func Configure(plugin weir.Plugin, settings map[string]string) (*Instance, error) {
	parameters := contract.Bridge.Parameters(plugin)
	known := make(map[string]bool)
	var pairs [][2]string
	for _, parameter := range parameters {
		known[parameter.Name] = true
		switch value, given := settings[parameter.Name]; {
		case given:
			pairs = append(pairs, [2]string{parameter.Name, value})
		case parameter.Default != nil:
			pairs = append(pairs, [2]string{parameter.Name, *parameter.Default})
		case parameter.Required:
			return nil, fmt.Errorf("`%s` is required", parameter.Name)
		}
	}
	for name := range settings {
		if !known[name] {
			return nil, fmt.Errorf("`%s` is unknown", name)
		}
	}
	made := &Instance{counts: make(map[string]uint64)}
	err := made.heard(func() (err error) {
		made.plugin, err = contract.Bridge.Configure(plugin, pairs)
		return err
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// Start is [Configure] for settings that must fit: the test fails where they do not.
func Start(t testing.TB, plugin weir.Plugin, settings map[string]string) *Instance {
	t.Helper()
	made, err := Configure(plugin, settings)
	if err != nil {
		t.Fatal(err)
	}
	made.t = t
	return made
}

// Try is what the interceptor makes of a batch of these events; the error is the reason where it fails the batch, a panic included.
func (i *Instance) Try(events ...Given) ([]Judged, error) {
	judged := make([]Judged, len(events))
	err := i.heard(func() error {
		edits, err := contract.Bridge.Judge(i.plugin, source(events))
		if err != nil {
			return err
		}
		for at, event := range events {
			judged[at] = Judged{Fate: Kept, Event: copied(event)}
		}
		if edits != nil {
			return apply(edits, judged)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return judged, nil
}

// Judge is [Instance.Try] for events that must not fail the batch: the test fails where they do. For an instance made by [Start].
func (i *Instance) Judge(events ...Given) []Judged {
	if i.t == nil {
		panic("weirtest: Judge is for an instance made by Start; use Try")
	}
	i.t.Helper()
	judged, err := i.Try(events...)
	if err != nil {
		i.t.Fatal(err)
	}
	return judged
}

// Log is the lines that the instance wrote so far, each as `level: text`.
func (i *Instance) Log() []string { return i.log }

// Counted is what the instance counted under this name so far.
func (i *Instance) Counted(name string) uint64 { return i.counts[name] }

func (i *Instance) heard(run func() error) error {
	running.Lock()
	defer running.Unlock()
	contract.Bridge.Listen((*listener)(i))
	defer contract.Bridge.Listen(nil)
	return run()
}

type listener Instance

func (l *listener) Logged(level, text string) { l.log = append(l.log, level+": "+text) }

// Counted leaves out what the host leaves out.
func (l *listener) Counted(name string, by uint64) {
	const most = 64
	known := false
	if _, known = l.counts[name]; !known && (len(l.counts) == most || !isCounter(name)) {
		return
	}
	l.counts[name] += by
}

func isCounter(name string) bool {
	const others = "0123456789_"
	isLetter := func(char rune) bool { return 'a' <= char && char <= 'z' }
	odd := func(char rune) bool { return !isLetter(char) && !strings.ContainsRune(others, char) }
	return name != "" && len(name) <= 64 && isLetter(rune(name[0])) && !strings.ContainsFunc(name, odd)
}

func copied(event Given) Given {
	event.Body, event.Key = bytes.Clone(event.Body), bytes.Clone(event.Key)
	event.Headers = append([]weir.Header(nil), event.Headers...)
	return event
}
