// Whether there is a GPU. A free function; thread-safe.
#pragma once

namespace bascule::cuda {

/// Whether the machine has one. If so, torch's kernels for it are there from then on. Throws
/// Error{environment} where these cannot be loaded.
bool present();

}  // namespace bascule::cuda
