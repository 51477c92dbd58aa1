package weir

import "fmt"

// Level is how much a line of the log matters.
type Level uint8

const (
	// LevelDebug is for whoever works on the plugin.
	LevelDebug Level = iota
	// LevelInfo is worth knowing.
	LevelInfo
	// LevelWarn is odd, and handled.
	LevelWarn
	// LevelError is for somebody to look at.
	LevelError
)

// String is the level's name.
func (l Level) String() string {
	return [...]string{"debug", "info", "warn", "error"}[min(l, LevelError)]
}

// Log writes a line to the plugin's log; to standard error outside a host. The host names the plugin and the pipeline, and writes no more
// than a hundred lines a second.
func Log(level Level, line string) { write(min(level, LevelError), utf8Text(line)) }

// Debugf logs for whoever works on the plugin; arguments as for fmt.Sprintf.
func Debugf(format string, arguments ...any) { Log(LevelDebug, fmt.Sprintf(format, arguments...)) }

// Infof logs what is worth knowing; arguments as for fmt.Sprintf.
func Infof(format string, arguments ...any) { Log(LevelInfo, fmt.Sprintf(format, arguments...)) }

// Warnf logs what is odd and handled; arguments as for fmt.Sprintf.
func Warnf(format string, arguments ...any) { Log(LevelWarn, fmt.Sprintf(format, arguments...)) }

// Errorf logs what somebody must look at; arguments as for fmt.Sprintf.
func Errorf(format string, arguments ...any) { Log(LevelError, fmt.Sprintf(format, arguments...)) }

// Count adds to the plugin's own counter of this name: 1 to 64 of `a-z`, `0-9` and `_`, a letter first; seen in the agent's metrics as
// `weir_plugin_counter_total`. A plugin has at most 64 names; what does not fit is left out, which the host logs once. What is counted over
// a batch that fails is not counted: the host asks about its events again.
func Count(name string, by uint64) { add(utf8Text(name), by) }
