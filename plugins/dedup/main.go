// Dedup drops events whose id was there a short while ago; see the README for settings and for what it cannot know.
package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	weir "github.com/weir-project/weir/sdk/go"
)

type dedup struct {
	id     func(weir.Event) ([]byte, bool)
	reject bool
	recent *recent
}

var plugin = weir.Plugin{
	Name:    "dedup",
	Version: "0.1.0",
	Parameters: []weir.Parameter{
		weir.Optional("id", "where an event's id is: `key`, `header:NAME` or `json:POINTER`", "key"),
		weir.Optional("window", "how long an id is a repeat after its first event, by the events' timestamps: `30s`, `10m`, `24h`", "10m"),
		weir.Optional("max_ids", "ids an instance remembers; the oldest go first", "100000"),
		weir.Optional("without_id", "`keep` or `reject`: what becomes of an event without an id", "keep"),
	},
	Configure: configure,
}

func init() { weir.Register(plugin) }

func main() {}

func configure(settings *weir.Settings) (weir.Interceptor, error) {
	where, _ := settings.Text("id")
	id, err := locate(where)
	if err != nil {
		return nil, err
	}
	window, err := weir.Get[time.Duration](settings, "window")
	if err != nil {
		return nil, err
	}
	if window < time.Millisecond {
		return nil, errors.New("`window` must be at least `1ms`")
	}
	most, err := weir.Get[int](settings, "max_ids")
	if err != nil {
		return nil, err
	}
	// As many as fit into the memory of an instance, with ids of 32 bytes.
	if most < 1 || most > 200_000 {
		return nil, errors.New("`max_ids` must be between 1 and 200000")
	}
	without, _ := settings.Text("without_id")
	if without != "keep" && without != "reject" {
		return nil, fmt.Errorf("`without_id` must be `keep` or `reject`, not `%s`", without)
	}
	return &dedup{id: id, reject: without == "reject", recent: newRecent(most, window.Milliseconds())}, nil
}

// locate is how an event's id is found.
func locate(where string) (func(weir.Event) ([]byte, bool), error) {
	kind, name, _ := strings.Cut(where, ":")
	switch {
	case where == "key":
		return func(event weir.Event) ([]byte, bool) { return event.Key(), event.Key() != nil }, nil
	case kind == "header" && name != "":
		return func(event weir.Event) ([]byte, bool) { return event.Header(name), event.Header(name) != nil }, nil
	case kind == "json" && strings.HasPrefix(name, "/"):
		return func(event weir.Event) ([]byte, bool) {
			text, ok := event.JSONText(name)
			return []byte(text), ok
		}, nil
	}
	return nil, fmt.Errorf("`id` must be `key`, `header:NAME` or `json:/POINTER`, not `%s`", where)
}

// Intercept lets the first event of an id go on.
func (d *dedup) Intercept(event weir.Event) weir.Verdict {
	id, ok := d.id(event)
	if !ok {
		if d.reject {
			return weir.Reject("no id")
		}
		return weir.Keep
	}
	at, timed := event.Timestamp()
	if !timed {
		at = unknown
	}
	if d.recent.isRepeat(id, at, origin(event)) {
		weir.Count("repeats", 1)
		return weir.Discard
	}
	return weir.Keep
}

// origin is where the source read the event, as Kafka's sources tell it; empty where it is not told.
func origin(event weir.Event) string {
	topic, partition, offset := event.Header("topic"), event.Header("partition"), event.Header("offset")
	if topic == nil || partition == nil || offset == nil {
		return ""
	}
	return string(topic) + "\x00" + string(partition) + "\x00" + string(offset)
}
