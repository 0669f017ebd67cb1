# What node-gyp takes from Node's own headers, for an addon that needs none of them: native/install.mjs gives this folder
# as node-gyp's nodedir, so the second way to build downloads nothing either.
{
  'target_defaults': {
    'default_configuration': 'Release',
    'configurations': {
      'Release': {'cflags': ['-O3'], 'defines': ['NDEBUG'], 'xcode_settings': {'GCC_OPTIMIZATION_LEVEL': '3'}},
      'Debug': {'cflags': ['-g', '-O0'], 'xcode_settings': {'GCC_OPTIMIZATION_LEVEL': '0'}},
    },
    'cflags': ['-pthread'],
    'ldflags': ['-pthread'],
  },
}
