package text

import "dmgateway/engine/format"

var _ format.Recorder = (*reader)(nil)

// nullSizes has a bit for each length, 63 or more being one, of the texts that stand for NULL: a look at it spares most
// values the comparison.
func (s *settings) nullSizes() (sizes uint64) {
	if s.emptyIsNull {
		sizes = 1
	}
	for _, n := range s.nulls {
		if n != "" {
			sizes |= 1 << min(len(n), 63)
		}
	}
	return sizes
}

func (s *settings) isNull(text []byte) bool {
	if len(text) == 0 {
		return s.emptyIsNull
	}
	for _, n := range s.nulls {
		if string(text) == n {
			return true
		}
	}
	return false
}

// Record gives the fields of the row of the last error, in the order of the file. Where a quote was closed in the
// middle of a field, the last one is the rest of the row as it stands.
func (r *reader) Record() []*string {
	if r.bad == nil {
		return nil
	}
	r.record = r.record[:0]
	scan := r.src.scan
	for _, c := range scan.cells {
		raw := r.bad[c.start:c.end]
		if !c.quoted && r.set.isNull(raw) {
			r.record = append(r.record, nil)
			continue
		}
		var value []byte
		value, r.tmp = scan.value(r.bad, c, r.tmp)
		text := string(value)
		r.record = append(r.record, &text)
	}
	if r.broken < len(r.bad) {
		text := string(scan.withoutEnd(r.bad[r.broken:]))
		r.record = append(r.record, &text)
	}
	return r.record
}
