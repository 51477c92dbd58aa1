package weir

import (
	"runtime"
	"unsafe"

	"github.com/weir-project/weir/sdk/go/internal/contract"
)

// What the contract exports, and the memory that crosses.

// lent is memory that the host asked for and nothing else in this program refers to yet: the collector must not take it.
var lent []unsafe.Pointer

// returned is what the host reads after an export is over.
var returned struct {
	description *description
	parameters  []parameter
	outcome     outcome
	message     string
}

// cabiRealloc gives the host memory for what it writes. It is the collector's: columns are slices of it, and may be kept.
//
//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uint32) unsafe.Pointer {
	var memory unsafe.Pointer
	switch {
	case size == 0:
		return unsafe.Pointer(uintptr(align))
	case align == 8:
		memory = unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	case align == 4:
		memory = unsafe.Pointer(unsafe.SliceData(make([]uint32, (size+3)/4)))
	default:
		memory = unsafe.Pointer(unsafe.SliceData(make([]byte, size)))
	}
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(memory), size), unsafe.Slice((*byte)(old), oldSize))
	}
	lent = append(lent, memory)
	return memory
}

// release is called when slices refer to what was lent.
func release() {
	clear(lent)
	lent = lent[:0]
}

func keep[T any](slice []T) { runtime.KeepAlive(slice) }

type description struct{ name, version, parameters list }

type parameter struct {
	name, description list
	required          uint32
	hasDefault        uint32
	standard          list
}

func lowerText(text string) list { return lower(unsafe.Slice(unsafe.StringData(text), len(text))) }

//go:wasmexport weir:interceptor/interceptor@0.1.0#describe
func describe() unsafe.Pointer {
	if registered == nil {
		panic("weir: the program registers no plugin; call weir.Register in an init function")
	}
	returned.parameters = make([]parameter, len(registered.Parameters))
	for at, from := range registered.Parameters {
		to := &returned.parameters[at]
		to.name, to.description = lowerText(from.Name), lowerText(from.Description)
		if from.Required {
			to.required = 1
		}
		if from.Default != nil {
			to.hasDefault, to.standard = 1, lowerText(*from.Default)
		}
	}
	returned.description = &description{lowerText(registered.Name), lowerText(registered.Version), lower(returned.parameters)}
	return unsafe.Pointer(returned.description)
}

var running *instance

//go:wasmexport weir:interceptor/interceptor@0.1.0#configure
func configure(settings unsafe.Pointer, length uint32) unsafe.Pointer {
	if registered == nil {
		return answer("the program registers no plugin; call weir.Register in an init function")
	}
	pairs := make([][2]string, length)
	for at, pair := range unsafe.Slice((*[2]list)(settings), length) {
		pairs[at] = [2]string{text(lift[byte](pair[0])), text(lift[byte](pair[1]))}
	}
	release()
	made, err := registered.configure(pairs)
	if err != nil {
		return answer(err.Error())
	}
	running = made
	return done()
}

//go:wasmexport weir:interceptor/interceptor@0.1.0#intercept
func intercept(handle uint32) unsafe.Pointer {
	// The host lends the batch for this call, and asks for it back.
	defer batchDrop(handle)
	if running == nil {
		return answer("it was not configured")
	}
	batch := hostBatch(handle)
	edits, err := running.judge(batch)
	if err == nil && edits != nil {
		err = batch.apply(edits)
	}
	if err != nil {
		return answer(err.Error())
	}
	return done()
}

func done() unsafe.Pointer {
	returned.outcome = outcome{}
	return unsafe.Pointer(&returned.outcome)
}

func answer(message string) unsafe.Pointer {
	returned.message = utf8Text(message)
	returned.outcome = outcome{1, lowerText(returned.message)}
	return unsafe.Pointer(&returned.outcome)
}

var _ contract.Source = hostBatch(0)
