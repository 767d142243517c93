// Launches of the kernels on what lies in the device's memory already; each is in its kernel's file. Nothing waits.
#pragma once

#include <cuda_runtime.h>

namespace penumbra {

struct SystemWork;
struct ScheduleWork;
struct StartsWork;
struct PackWork;
struct SimulateView;
struct ObserveWork;
struct FeatureWork;

void enqueue(const SystemWork& work, int systems, cudaStream_t stream);
void enqueue(const ScheduleWork& work, int systems, cudaStream_t stream);
void enqueue(const StartsWork& work, int systems, cudaStream_t stream);
void enqueue(const PackWork& work, int systems, cudaStream_t stream);
// std::invalid_argument where the curves outgrow a block's shared memory.
void enqueue(const SimulateView& work, int systems, cudaStream_t stream);
void enqueue(const ObserveWork& work, int systems, cudaStream_t stream);
void enqueue(const FeatureWork& work, int systems, cudaStream_t stream);

}  // namespace penumbra
