//go:build !race

package update

const raceDetector = false
