#!/usr/bin/env bash
# Builds the images dmgateway and dmgfactory from dist/container, which `make package` has made.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -f dist/container/Containerfile ] || { echo "container: run make package first" >&2; exit 1; }
for engine in ${CONTAINER_ENGINE:-podman docker buildah}; do
	command -v "$engine" >/dev/null || continue
	for target in gateway:dmgateway factory:dmgfactory; do
		"$engine" build ${CONTAINER_ARGS:-} --target "${target%:*}" -t "${target#*:}" -f dist/container/Containerfile dist/container
	done
	exit
done
echo "container: neither podman nor docker nor buildah is installed; dist/container has all that they need" >&2
exit 1
