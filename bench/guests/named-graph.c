// Runs a graph that the host has under a name on one input, once.
//
//     named-graph.wasm NAME DIRECTORY INPUT DIMENSIONS OUTPUT_BYTES
//
// DIRECTORY holds INPUT, a tensor of f32 with DIMENSIONS (`1x3x224x224`). Standard output says what was computed.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_F32 = 1, MAX_DIMENSIONS = 8 };

typedef struct {
  const uint32_t *dimensions;
  uint32_t dimension_count;
  uint8_t type;
  const uint8_t *bytes;
  uint32_t byte_length;
} Tensor;

#define NN(name) __attribute__((import_module("wasi_ephemeral_nn"), import_name(name)))
NN("load_by_name") int32_t nn_load_by_name(const char *name, uint32_t byte_length, uint32_t *graph);
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

static uint8_t *read_file(const char *directory, const char *name, uint32_t *byte_length) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) {
    perror(path);
    exit(1);
  }
  *byte_length = (uint32_t)ftell(file);
  rewind(file);
  uint8_t *bytes = malloc(*byte_length);
  if (!bytes || fread(bytes, 1, *byte_length, file) != *byte_length) {
    fprintf(stderr, "%s: cannot be read\n", path);
    exit(1);
  }
  fclose(file);
  return bytes;
}

int main(int argc, char **argv) {
  if (argc != 6) {
    fprintf(stderr, "usage: named-graph NAME DIRECTORY INPUT DIMENSIONS OUTPUT_BYTES\n");
    return 2;
  }
  uint32_t dimensions[MAX_DIMENSIONS], count = 0;
  for (char *text = argv[4], *end; count < MAX_DIMENSIONS; text = end + 1) {
    dimensions[count++] = (uint32_t)strtoul(text, &end, 10);
    if (*end != 'x') break;
  }
  const uint32_t output_bytes = (uint32_t)strtoul(argv[5], NULL, 10);
  uint32_t graph, context, written = 0, input_bytes;
  check(nn_load_by_name(argv[1], (uint32_t)strlen(argv[1]), &graph), "load_by_name");
  check(nn_init_execution_context(graph, &context), "init_execution_context");
  const uint8_t *input = read_file(argv[2], argv[3], &input_bytes);
  const Tensor tensor = {dimensions, count, TYPE_F32, input, input_bytes};
  uint8_t *output = malloc(output_bytes);
  if (!output) return 1;
  check(nn_set_input(context, 0, &tensor), "set_input");
  check(nn_compute(context), "compute");
  check(nn_get_output(context, 0, output, output_bytes, &written), "get_output");
  const float *values = (const float *)(const void *)output;
  uint32_t best = 0;
  for (uint32_t i = 1; i < written / sizeof *values; i++) {
    if (values[i] > values[best]) best = i;
  }
  printf("%u bytes, largest [%u] %.9g\n", written, best, (double)values[best]);
  return 0;
}
