// A network for spectra that trains in seconds: what it says is worthless, how the program handles it is not.
#pragma once

namespace penumbra {

inline const char* const kTinySpectrumPreset = R"([network]
kind = "spectrum"
widths = [4, 4, 8, 8, 8, 8]
recurrent_hidden = 16
context = 16
[flow]
blocks = 2
hidden = 32
mixture_components = 2
[train]
systems = 96
batch = 32
warmup_steps = 1
validation_systems = 32
validate_every = 96
)";

}  // namespace penumbra
