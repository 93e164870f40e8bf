//go:build race

package update

// raceDetector makes programs start slowly, so that not every step is tried.
const raceDetector = true
