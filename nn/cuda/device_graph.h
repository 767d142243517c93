// Work on a GPU recorded once, to be started as a whole again and again: of a small network, starting the kernels one
// by one takes longer than they run. No torch here.
//
// What records is a library of its own, libpenumbra_cuda.so beside the program: it needs CUDA's headers, and what it
// calls in libtorch_cuda.so, which the program itself is not linked to (nn/device.h). It is built where nvcc is.
#pragma once

#include <functional>

namespace penumbra {

class DeviceGraph {
 public:
  virtual ~DeviceGraph() = default;
  // In the current stream; reads and writes the memory that the recorded work read and wrote.
  virtual void replay() = 0;
};

// Runs `work` some times on a stream of its own, and records it. It must do the same whatever its data are and not wait
// for the GPU. Throws what LibTorch throws where such work cannot be recorded. The caller owns what it returns.
using RecordGraph = DeviceGraph*(const std::function<void()>& work);

}  // namespace penumbra

extern "C" penumbra::RecordGraph penumbra_record_graph;
