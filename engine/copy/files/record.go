package files

import "dmgateway/engine/format"

var _ format.Recorder = (*reader)(nil)

// Record implements format.Recorder as far as the format does.
func (r *reader) Record() []*string {
	if x, ok := r.current.(format.Recorder); ok {
		return x.Record()
	}
	return nil
}
