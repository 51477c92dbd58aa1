package weirtest

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/weir-project/weir/sdk/go/internal/contract"
)

// source is a batch in columns, as a host has it.
type source []Given

func (s source) Len() int { return len(s) }

func (s source) Timestamps() []int64 {
	times := make([]int64, len(s))
	for index, event := range s {
		times[index] = -1
		if event.Timestamp != nil {
			times[index] = *event.Timestamp
		}
	}
	return times
}

func (s source) Keys() contract.Column {
	return s.column(func(event Given) []byte { return event.Key })
}

func (s source) Bodies() contract.Column {
	return s.column(func(event Given) []byte { return event.Body })
}

func (s source) BodyRanges(offset, length uint32) contract.Column {
	return s.column(func(event Given) []byte {
		if event.Body == nil {
			return nil
		}
		start := min(uint64(offset), uint64(len(event.Body)))
		return event.Body[start:min(start+uint64(length), uint64(len(event.Body)))]
	})
}

func (s source) Header(name string) contract.Column {
	return s.column(func(event Given) []byte {
		for at := len(event.Headers) - 1; at >= 0; at-- {
			if event.Headers[at].Name == name {
				return event.Headers[at].Value
			}
		}
		return nil
	})
}

func (s source) Headers() contract.HeaderTable {
	var table contract.HeaderTable
	for _, event := range s {
		table.Counts = append(table.Counts, uint32(len(event.Headers)))
		for _, header := range event.Headers {
			push(&table.Names, append([]byte{}, header.Name...))
			push(&table.Values, header.Value)
		}
	}
	return table
}

func (s source) JSONTexts(pointer string) contract.Column {
	return s.column(func(event Given) []byte {
		field := find(event.Body, pointer)
		var content string
		if len(field) > 0 && field[0] == '"' && json.Unmarshal(field, &content) == nil {
			return []byte(content)
		}
		return field
	})
}

func (s source) JSONNumbers(pointer string) contract.NumberColumn {
	var column contract.NumberColumn
	for index, event := range s {
		var number float64
		field := find(event.Body, pointer)
		if field == nil || json.Unmarshal(field, &number) != nil {
			number = 0
			column.Nulls = append(column.Nulls, uint32(index))
		}
		column.Values = append(column.Values, number)
	}
	return column
}

// find is the field as it is written; nil where it is absent, null, or the body no JSON. What is no pointer ends in a panic, as the host traps.
func find(body []byte, pointer string) []byte {
	if pointer != "" && pointer[0] != '/' {
		panic(strconv.Quote(pointer) + " is not a JSON pointer")
	}
	if !utf8.Valid(body) || !json.Valid(body) {
		return nil
	}
	at := json.RawMessage(strings.TrimSpace(string(body)))
	if pointer != "" {
		for part := range strings.SplitSeq(pointer[1:], "/") {
			at = step(at, strings.NewReplacer("~1", "/", "~0", "~").Replace(part))
		}
	}
	if string(at) == "null" {
		return nil
	}
	return at
}

func step(at json.RawMessage, part string) json.RawMessage {
	var object map[string]json.RawMessage
	if json.Unmarshal(at, &object) == nil {
		return object[part]
	}
	var array []json.RawMessage
	index, err := strconv.ParseUint(part, 10, 32)
	if err != nil || json.Unmarshal(at, &array) != nil || index >= uint64(len(array)) || (len(part) > 1 && part[0] == '0') {
		return nil
	}
	return array[index]
}

func (s source) column(of func(Given) []byte) contract.Column {
	var column contract.Column
	for _, event := range s {
		push(&column, of(event))
	}
	return column
}

func push(column *contract.Column, value []byte) {
	if value == nil {
		column.Nulls = append(column.Nulls, uint32(len(column.Ends)))
	}
	column.Bytes = append(column.Bytes, value...)
	column.Ends = append(column.Ends, uint32(len(column.Bytes)))
}
