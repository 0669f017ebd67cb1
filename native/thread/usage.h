#pragma once

namespace thread {

/** Processor time that the calling thread has used since it began, in milliseconds; -1 where the system does not tell. */
double CpuTimeMs() noexcept;

/** Physical memory that the process takes, shared pages included; -1 where the system does not tell. */
double ResidentBytes() noexcept;

}  // namespace thread
