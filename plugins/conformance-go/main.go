// Conformance-go does what the header `do` of each event says, so that a table of cases can ask the SDK for everything it has. The same
// plugin is there in every language; see the README for the commands.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	weir "github.com/weir-project/weir/sdk/go"
)

// The part of a body that `range` shows.
const (
	rangeOffset = 2
	rangeLength = 4
)

// flood is the number of lines of `log-flood`.
const flood = 10_000

type conformance struct {
	label      string
	limit      int64
	note       string
	hasNote    bool
	wholeBatch bool
}

var plugin = weir.Plugin{
	Name:    "conformance-go",
	Version: "0.1.0",
	Parameters: []weir.Parameter{
		weir.Required("label", "shown by `settings`"),
		weir.Optional("limit", "shown by `settings`; an integer above 0", "10"),
		weir.Absent("note", "shown by `settings`"),
		weir.Optional("mode", "`event` or `batch`: how events are judged", "event"),
	},
	Configure: configure,
}

func init() { weir.Register(plugin) }

func main() {}

func configure(settings *weir.Settings) (weir.Interceptor, error) {
	limit, err := weir.Get[int64](settings, "limit")
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		return nil, errors.New("`limit` must be above 0")
	}
	label, err := weir.Get[string](settings, "label")
	if err != nil {
		return nil, err
	}
	mode, _ := settings.Text("mode")
	if mode != "event" && mode != "batch" {
		return nil, fmt.Errorf("`mode` must be `event` or `batch`, not `%s`", mode)
	}
	note, hasNote := settings.Text("note")
	return &conformance{label, limit, note, hasNote, mode == "batch"}, nil
}

// Intercept obeys the commands that are about one event. Of a single event the host cannot be told that the batch failed: that is what obey adds.
func (c *conformance) Intercept(event weir.Event) weir.Verdict {
	command, ok := event.HeaderText("do")
	if !ok {
		command = "keep"
	}
	name, _ := event.HeaderText("name")
	switch command {
	case "keep":
	case "discard":
		return weir.Discard
	case "reject":
		return weir.Reject(string(event.Body()))
	case "set-header":
		event.SetHeader(name, event.Body())
	case "remove-header":
		event.RemoveHeader(name)
	case "set-key":
		event.SetKey(event.Body())
	case "clear-key":
		event.ClearKey()
	case "set-body":
		event.SetBody(event.Header("value"))
	case "clear-body":
		event.ClearBody()
	case "reverse":
		if body := event.Body(); body != nil {
			body = bytes.Clone(body)
			slices.Reverse(body)
			event.SetBody(body)
		}
	case "echo":
		event.SetBody([]byte(echo(event)))
	case "explode":
		return explode(event)
	case "json":
		json(event)
	case "settings":
		c.show(event)
	case "log":
		weir.Infof("%s", event.Body())
	case "log-flood":
		for range flood {
			weir.Warnf("flood")
		}
	case "count":
		weir.Count("seen", 1)
	case "panic":
		panic("conformance panic")
	default:
		return weir.Reject(fmt.Sprintf("unknown command `%s`", command))
	}
	return weir.Keep
}

// InterceptBatch judges a batch, in either mode.
func (c *conformance) InterceptBatch(batch *weir.Batch) error {
	var ranges *weir.BodyRanges
	for event := range batch.Events() {
		if c.wholeBatch {
			event.SetHeaderText("index", strconv.Itoa(event.Index()))
			event.SetHeaderText("of", strconv.Itoa(batch.Len()))
		}
		switch command, _ := event.HeaderText("do"); command {
		case "error":
			return errors.New(string(event.Body()))
		case "range":
			if ranges == nil {
				pulled := batch.BodyRanges(rangeOffset, rangeLength)
				ranges = &pulled
			}
			if part := ranges.Of(event); part != nil {
				event.SetHeader("range", part)
			}
		default:
			event.Decide(c.Intercept(event))
		}
	}
	return nil
}

func (c *conformance) show(event weir.Event) {
	event.SetHeaderText("label", c.label)
	event.SetHeaderText("limit", strconv.FormatInt(c.limit, 10))
	if c.hasNote {
		event.SetHeaderText("note", c.note)
	}
}

// explode makes an event of each line, and keeps nothing of the event itself.
func explode(event weir.Event) weir.Verdict {
	if body := event.Body(); body != nil {
		for number, piece := range bytes.Split(body, []byte("\n")) {
			event.Derive(piece, weir.Header{Name: "piece", Value: []byte(strconv.Itoa(number))})
		}
	}
	return weir.Discard
}

func json(event weir.Event) {
	pointer, _ := event.HeaderText("pointer")
	if text, ok := event.JSONText(pointer); ok {
		event.SetHeaderText("text", text)
	}
	if number, ok := event.JSONNumber(pointer); ok {
		event.SetHeaderText("number", strconv.FormatInt(int64(math.Round(number*1000)), 10))
	}
}

// echo is everything of an event as one line of text.
func echo(event weir.Event) string {
	timestamp := "null"
	if at, ok := event.Timestamp(); ok {
		timestamp = strconv.FormatInt(at, 10)
	}
	var headers []string
	for name, value := range event.Headers() {
		headers = append(headers, fmt.Sprintf("%x=%s", name, shown(value)))
	}
	return fmt.Sprintf("key=%s;timestamp=%s;body=%s;headers=%s", shown(event.Key()), timestamp, shown(event.Body()), strings.Join(headers, ","))
}

func shown(value []byte) string {
	// Values longer than this are given by their length.
	const most = 64
	switch {
	case value == nil:
		return "null"
	case len(value) > most:
		return fmt.Sprintf("len:%d", len(value))
	}
	return fmt.Sprintf("%x", value)
}
