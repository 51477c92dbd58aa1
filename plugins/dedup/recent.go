package main

import "crypto/sha256"

// unknown is the time of an event that has none.
const unknown = -1

// recent is ids seen of late, at most so many.
type recent struct {
	// window in milliseconds.
	window int64
	first  map[string]sighting
	// order has the ids by age, in a ring: the oldest is at next.
	order []string
	next  int
}

// sighting is the event that made an id known.
type sighting struct {
	at     int64
	origin string
	slot   int
}

func newRecent(most int, window int64) *recent {
	return &recent{window: window, first: make(map[string]sighting), order: make([]string, 0, most)}
}

// isRepeat says whether the id was seen within the window, and remembers it if not.
//
// An event that is judged again is no repeat of itself: the host asks again about the events of a batch that failed, and a source reads
// again what could not be delivered. Dropping it then would lose it.
func (r *recent) isRepeat(id []byte, at int64, origin string) bool {
	known, is := r.first[string(short(id))]
	if is && known.origin == origin && origin != "" {
		return false
	}
	if is && r.within(known.at, at) {
		return true
	}
	r.remember(string(short(id)), sighting{at: at, origin: origin})
	return false
}

func (r *recent) within(one, other int64) bool {
	if one == unknown || other == unknown {
		return true
	}
	return max(one, other)-min(one, other) < r.window
}

func (r *recent) remember(id string, sighting sighting) {
	if len(r.order) < cap(r.order) {
		sighting.slot = len(r.order)
		r.order = append(r.order, id)
	} else {
		sighting.slot = r.next
		// The id may have been seen anew since: then it is in another slot, and stays.
		if old := r.order[r.next]; r.first[old].slot == r.next {
			delete(r.first, old)
		}
		r.order[r.next] = id
		r.next = (r.next + 1) % len(r.order)
	}
	r.first[id] = sighting
}

// short is an id in few bytes: a long one's digest.
func short(id []byte) []byte {
	if len(id) < sha256.Size {
		return id
	}
	digest := sha256.Sum256(id)
	return digest[:]
}
