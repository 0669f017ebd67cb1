{
  # The second way to build the addon, for machines without CMake: the same sources as native/CMakeLists.txt. Node-API's
  # headers come from the package node-api-headers. It does not lie beside package.json: there npm would build by it.
  'targets': [
    {
      'target_name': 'wasi_nn_host',
      'sources': [
        '<!@(node -p "[\'..\', \'../openvino\', \'../fs\', \'../preview1\', \'../stack\', \'../thread\'].flatMap((folder) => { try { return fs.readdirSync(folder).filter((name) => name.endsWith(\'.cc\')).map((name) => folder + \'/\' + name) } catch { return [] } }).join(\' \')")',
      ],
      'include_dirs': [
        '..',
        '<!(node -p "require(\'node-api-headers\').include_dir")',
        '<!(node -p "require(\'path\').dirname(require.resolve(\'node-addon-api\'))")',
      ],
      'defines': [
        'NAPI_VERSION=8',
        'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS',
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
        '_FILE_OFFSET_BITS=64',
        '<!@(node -p "fs.existsSync(\'../fs/fs.h\') ? \'WASI_NN_HOST_FS\' : \'\'")',
      ],
      'cflags_cc': ['-std=c++17', '-fvisibility=hidden', '-Wall', '-Wextra'],
      'cflags_cc!': ['-fno-exceptions', '-fno-rtti'],
      'conditions': [['OS=="linux"', {'ldflags': ['-Wl,-z,nodelete']}]],
      'xcode_settings': {
        'CLANG_CXX_LANGUAGE_STANDARD': 'c++17',
        'GCC_ENABLE_CPP_EXCEPTIONS': 'YES',
        'GCC_ENABLE_CPP_RTTI': 'YES',
      },
      'msvs_settings': {'VCCLCompilerTool': {'ExceptionHandling': 1, 'AdditionalOptions': ['/std:c++17']}},
    },
  ],
}
