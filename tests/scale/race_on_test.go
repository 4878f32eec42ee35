//go:build race

package scale

// raceDetector says that the detector is on, which takes memory of its own.
const raceDetector = true
