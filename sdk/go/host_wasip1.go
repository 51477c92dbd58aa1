package weir

import (
	"errors"
	"strings"
	"unsafe"

	"github.com/weir-project/weir/sdk/go/internal/contract"
)

// What the contract imports, by the canonical ABI: a list is an address and a length, and what needs more than one word comes back in memory
// whose address is the last argument. Addresses are of 32 bits, while Go's own are of 64 on wasm, so structs that cross have uint32 for them.

//go:wasmimport weir:interceptor/events@0.1.0 [method]batch.len
func batchLen(batch uint32) uint32

//go:wasmimport weir:interceptor/events@0.1.0 [method]batch.timestamps
func batchTimestamps(batch uint32, result unsafe.Pointer)

//go:wasmimport weir:interceptor/events@0.1.0 [method]batch.keys
func batchKeys(batch uint32, result unsafe.Pointer)

//go:wasmimport weir:interceptor/events@0.1.0 [method]batch.bodies
func batchBodies(batch uint32, result unsafe.Pointer)

//go:wasmimport weir:interceptor/events@0.1.0 [method]batch.body-ranges
func batchBodyRanges(batch, offset, length uint32, result unsafe.Pointer)

//go:wasmimport weir:interceptor/events@0.1.0 [method]batch.header
func batchHeader(batch uint32, name unsafe.Pointer, length uint32, result unsafe.Pointer)

//go:wasmimport weir:interceptor/events@0.1.0 [method]batch.headers
func batchHeaders(batch uint32, result unsafe.Pointer)

//go:wasmimport weir:interceptor/events@0.1.0 [method]batch.json-texts
func batchJSONTexts(batch uint32, pointer unsafe.Pointer, length uint32, result unsafe.Pointer)

//go:wasmimport weir:interceptor/events@0.1.0 [method]batch.json-numbers
func batchJSONNumbers(batch uint32, pointer unsafe.Pointer, length uint32, result unsafe.Pointer)

// The edits are too many words for arguments: they are in memory, behind the batch.
//
//go:wasmimport weir:interceptor/events@0.1.0 [method]batch.apply
func batchApply(arguments, result unsafe.Pointer)

//go:wasmimport weir:interceptor/events@0.1.0 [resource-drop]batch
func batchDrop(batch uint32)

//go:wasmimport weir:interceptor/logging@0.1.0 write
func loggingWrite(level uint32, message unsafe.Pointer, length uint32)

//go:wasmimport weir:interceptor/counters@0.1.0 add
func countersAdd(name unsafe.Pointer, length uint32, by uint64)

func write(level Level, line string) {
	loggingWrite(uint32(level), unsafe.Pointer(unsafe.StringData(line)), uint32(len(line)))
}

func add(name string, by uint64) {
	countersAdd(unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)), by)
}

// list is a list in the canonical ABI.
type list struct{ address, length uint32 }

type column struct{ bytes, ends, nulls list }

// lift is a list that the host wrote, as a slice: into memory of this program's that [cabiRealloc] gave it.
func lift[T any](from list) []T {
	if from.length == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(uintptr(from.address))), from.length)
}

// lower is a slice as the host reads it. The caller keeps the slice.
func lower[T any](slice []T) list {
	if len(slice) == 0 {
		return list{address: 8}
	}
	return list{uint32(uintptr(unsafe.Pointer(unsafe.SliceData(slice)))), uint32(len(slice))}
}

func (c *column) lift() contract.Column {
	return contract.Column{Bytes: lift[byte](c.bytes), Ends: lift[uint32](c.ends), Nulls: lift[uint32](c.nulls)}
}

// hostBatch is a batch on the host, by its handle.
type hostBatch uint32

func (b hostBatch) Len() int { return int(batchLen(uint32(b))) }

func (b hostBatch) Timestamps() []int64 {
	result := new(list)
	batchTimestamps(uint32(b), unsafe.Pointer(result))
	defer release()
	return lift[int64](*result)
}

func (b hostBatch) Keys() contract.Column {
	result := new(column)
	batchKeys(uint32(b), unsafe.Pointer(result))
	defer release()
	return result.lift()
}

func (b hostBatch) Bodies() contract.Column {
	result := new(column)
	batchBodies(uint32(b), unsafe.Pointer(result))
	defer release()
	return result.lift()
}

func (b hostBatch) BodyRanges(offset, length uint32) contract.Column {
	result := new(column)
	batchBodyRanges(uint32(b), offset, length, unsafe.Pointer(result))
	defer release()
	return result.lift()
}

func (b hostBatch) Header(name string) contract.Column {
	result := new(column)
	name = utf8Text(name)
	batchHeader(uint32(b), unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)), unsafe.Pointer(result))
	defer release()
	return result.lift()
}

func (b hostBatch) Headers() contract.HeaderTable {
	result := new(struct {
		counts        list
		names, values column
	})
	batchHeaders(uint32(b), unsafe.Pointer(result))
	defer release()
	return contract.HeaderTable{Counts: lift[uint32](result.counts), Names: result.names.lift(), Values: result.values.lift()}
}

func (b hostBatch) JSONTexts(pointer string) contract.Column {
	result := new(column)
	pointer = utf8Text(pointer)
	batchJSONTexts(uint32(b), unsafe.Pointer(unsafe.StringData(pointer)), uint32(len(pointer)), unsafe.Pointer(result))
	defer release()
	return result.lift()
}

func (b hostBatch) JSONNumbers(pointer string) contract.NumberColumn {
	result := new(struct{ values, nulls list })
	pointer = utf8Text(pointer)
	batchJSONNumbers(uint32(b), unsafe.Pointer(unsafe.StringData(pointer)), uint32(len(pointer)), unsafe.Pointer(result))
	defer release()
	return contract.NumberColumn{Values: lift[float64](result.values), Nulls: lift[uint32](result.nulls)}
}

// apply tells the host the edits.
func (b hostBatch) apply(edits *contract.Edits) error {
	type derived struct {
		event   uint32
		body    contract.Span
		headers list
	}
	lowered := make([]derived, len(edits.Derived))
	for at, from := range edits.Derived {
		lowered[at] = derived{from.Event, from.Body, lower(from.Headers)}
	}
	arguments := &struct {
		batch uint32
		lists [10]list
	}{uint32(b), [10]list{
		lower(edits.Discards), lower(edits.Rejects), lower(edits.SetHeaders), lower(edits.RemoveHeaders), lower(edits.SetKeys),
		lower(edits.ClearKeys), lower(edits.SetBodies), lower(edits.ClearBodies), lower(lowered), lower(edits.Bytes),
	}}
	result := new(outcome)
	batchApply(unsafe.Pointer(arguments), unsafe.Pointer(result))
	defer release()
	keep(lowered)
	if result.isError == 0 {
		return nil
	}
	return errors.New(strings.Clone(text(lift[byte](result.message))))
}

// outcome is `result<_, string>`.
type outcome struct {
	isError uint32
	message list
}
