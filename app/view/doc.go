// Package view is what the window, the tray and the page in the browser show, as plain Go without any of them: one
// [Model] that follows the engine and does what a person asks for, and functions that turn its [Snapshot] into words,
// numbers, tones and marks.
//
// A Model never makes its caller wait: what a person asks for runs on goroutines of the Model, and its outcome arrives
// in a later Snapshot.
package view
