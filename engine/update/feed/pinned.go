package feed

// pinnedRoot is the base64 of a root.json. Set by the linker: -ldflags '-X dmgateway/engine/update/feed.pinnedRoot=…'.
var pinnedRoot string
