package activity

import (
	"dmgateway/engine/fault"
	"dmgateway/engine/props"
)

// staging reads enableStaging and stagingSettings {linkedServiceName, path, enableCompression}.
//
// In Data Factory staging lets rows cross a firewall by way of a blob, or makes use of PolyBase and the like, and is
// allowed only where one of the two stores is in the cloud. A gateway reaches both stores itself, so it stages any pair
// when it is told to, and gains nothing but a copy of the rows that a slow or failing sink can be filled from again.
func (p *parser) staging(tp *props.Object) {
	o := tp.Object("stagingSettings")
	if !tp.Bool("enableStaging", false) {
		if o != nil {
			tp.Warn("stagingSettings", "has no effect because enableStaging is not true")
			o.IgnoreAll()
		}
		return
	}
	if o == nil {
		tp.Problem(fault.BadInput, "stagingSettings", "the property is missing: enableStaging needs the store that the rows go through")
		return
	}
	compress := o.Bool("enableCompression", false)
	if log := p.logLocation(o, false); log != nil { // {linkedServiceName, path}, as there
		p.job.Staging = &Staging{Open: log.Open, Folder: log.Folder, Compress: compress, Type: p.typeOf(o)}
	}
}

// typeOf is the type of the linked service that o refers to.
func (p *parser) typeOf(o *props.Object) string {
	if linked := p.linkedOf(o); linked != nil {
		return linked.Object("properties").String("type")
	}
	return ""
}
