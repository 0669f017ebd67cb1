// Runs one model on one input again and again, and times each turn: set_input, compute, get_output.
//
//     inference-loop.wasm DIRECTORY INPUT DIMENSIONS OUTPUT_BYTES WARM_UP TURNS
//
// DIRECTORY holds model.xml, model.bin and INPUT, a tensor of f32 with DIMENSIONS (`1x3x224x224`). Standard output says
// what was computed and nothing of time, so that it is the same on every host; standard error gets one line
// `turn_ns N N N …`. A turn whose output differs from the first one's ends the guest with 1.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ENCODING_OPENVINO = 0, TARGET_CPU = 0, TYPE_F32 = 1, MAX_DIMENSIONS = 8 };

typedef struct {
  const uint8_t *bytes;
  uint32_t byte_length;
} Bytes;

typedef struct {
  const uint32_t *dimensions;
  uint32_t dimension_count;
  uint8_t type;
  const uint8_t *bytes;
  uint32_t byte_length;
} Tensor;

#define NN(name) __attribute__((import_module("wasi_ephemeral_nn"), import_name(name)))
NN("load") int32_t nn_load(const Bytes *builders, uint32_t count, uint32_t encoding, uint32_t target, uint32_t *graph);
NN("init_execution_context") int32_t nn_init_execution_context(uint32_t graph, uint32_t *context);
NN("set_input") int32_t nn_set_input(uint32_t context, uint32_t index, const Tensor *tensor);
NN("compute") int32_t nn_compute(uint32_t context);
NN("get_output")
int32_t nn_get_output(uint32_t context, uint32_t index, uint8_t *bytes, uint32_t capacity, uint32_t *byte_length);

static void check(int32_t wasi_errno, const char *call) {
  if (wasi_errno == 0) return;
  fprintf(stderr, "%s: errno %d\n", call, (int)wasi_errno);
  exit(1);
}

static Bytes read_file(const char *directory, const char *name) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) {
    perror(path);
    exit(1);
  }
  size_t size = (size_t)ftell(file);
  rewind(file);
  uint8_t *bytes = malloc(size);
  if (!bytes || fread(bytes, 1, size, file) != size) {
    fprintf(stderr, "%s: cannot be read\n", path);
    exit(1);
  }
  fclose(file);
  printf("%s: %zu bytes\n", name, size);
  return (Bytes){bytes, (uint32_t)size};
}

static uint32_t parse_dimensions(const char *text, uint32_t *dimensions) {
  uint32_t count = 0;
  for (char *end; count < MAX_DIMENSIONS; text = end + 1) {
    dimensions[count++] = (uint32_t)strtoul(text, &end, 10);
    if (*end != 'x') break;
  }
  return count;
}

static uint32_t create_context(const char *directory) {
  const Bytes builders[2] = {read_file(directory, "model.xml"), read_file(directory, "model.bin")};
  uint32_t graph, context;
  check(nn_load(builders, 2, ENCODING_OPENVINO, TARGET_CPU, &graph), "load");
  check(nn_init_execution_context(graph, &context), "init_execution_context");
  return context;
}

static void infer(uint32_t context, const Tensor *input, uint8_t *output, uint32_t output_bytes) {
  uint32_t written = 0;
  check(nn_set_input(context, 0, input), "set_input");
  check(nn_compute(context), "compute");
  check(nn_get_output(context, 0, output, output_bytes, &written), "get_output");
  if (written != output_bytes) {
    fprintf(stderr, "get_output: %u bytes instead of %u\n", written, output_bytes);
    exit(1);
  }
}

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// All bytes of the output in one number (FNV-1a), and its largest value.
static void print_output(const uint8_t *output, uint32_t byte_length) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (uint32_t i = 0; i < byte_length; i++) hash = (hash ^ output[i]) * 0x100000001b3u;
  const float *values = (const float *)(const void *)output;
  uint32_t best = 0;
  for (uint32_t i = 1; i < byte_length / sizeof *values; i++) {
    if (values[i] > values[best]) best = i;
  }
  printf("output: hash %016llx, largest [%u] %.9g\n", (unsigned long long)hash, best, (double)values[best]);
}

int main(int argc, char **argv) {
  if (argc != 7) {
    fprintf(stderr, "usage: inference-loop DIRECTORY INPUT DIMENSIONS OUTPUT_BYTES WARM_UP TURNS\n");
    return 2;
  }
  uint32_t dimensions[MAX_DIMENSIONS];
  const uint32_t dimension_count = parse_dimensions(argv[3], dimensions);
  const uint32_t output_bytes = (uint32_t)strtoul(argv[4], NULL, 10);
  const uint32_t warm_up = (uint32_t)strtoul(argv[5], NULL, 10);
  const uint32_t turns = (uint32_t)strtoul(argv[6], NULL, 10);

  const uint32_t context = create_context(argv[1]);
  const Bytes data = read_file(argv[1], argv[2]);
  const Tensor input = {dimensions, dimension_count, TYPE_F32, data.bytes, data.byte_length};
  uint8_t *first = malloc(output_bytes), *output = malloc(output_bytes);
  uint64_t *turn_ns = malloc(turns * sizeof *turn_ns);
  if (!first || !output || !turn_ns) return 1;

  infer(context, &input, first, output_bytes);
  for (uint32_t i = 0; i < warm_up; i++) infer(context, &input, output, output_bytes);
  uint64_t before = now_ns();
  for (uint32_t i = 0; i < turns; i++) {
    infer(context, &input, output, output_bytes);
    const uint64_t after = now_ns();
    turn_ns[i] = after - before;
    if (memcmp(first, output, output_bytes) != 0) {
      fprintf(stderr, "turn %u: another output than before\n", i);
      return 1;
    }
    before = now_ns();
  }

  print_output(first, output_bytes);
  printf("turns: %u, all outputs alike\n", turns);
  fprintf(stderr, "turn_ns");
  for (uint32_t i = 0; i < turns; i++) fprintf(stderr, " %llu", (unsigned long long)turn_ns[i]);
  fprintf(stderr, "\n");
  return 0;
}
