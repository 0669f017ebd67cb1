# Prints what the library sees of the host: nothing that differs between runs.
$stdout.sync = true
require 'json'; require 'set'; require 'tempfile'; require 'fileutils'; require 'digest'; require 'time'; require 'stringio'; require 'erb'; require 'yaml' rescue p $!
p RUBY_VERSION, RUBY_PLATFORM, ENV.to_h, Dir.pwd, $0, ARGV
def report(name); r = yield; puts "#{name}: #{r.inspect}"; rescue SystemCallError, IOError, NotImplementedError, ArgumentError, NoMethodError, SystemStackError, NoMemoryError, StandardError => e; puts "#{name}: #{e.class} #{e.message} #{e.errno if e.respond_to?(:errno)}"; end
report('chdir') { Dir.chdir('/data') }
report('mkdir') { FileUtils.mkdir_p('d/e/f') }
report('mkdir again') { Dir.mkdir('d') }
report('write') { File.write('d/a', "line\n" * 100) }
report('read') { File.read('d/a').size }
report('seek') { File.open('d/a', 'r+') { |f| f.seek(-5, IO::SEEK_END); x = f.read; f.pos = 3; f.write('XX'); f.truncate(20); [x, f.size, f.pos] } }
report('append') { File.open('d/a', 'a') { |f| f << 'tail'; f.pos } }
report('lines') { File.foreach('d/a').to_a }
report('excl') { File.open('d/a', File::CREAT | File::EXCL | File::WRONLY) }
report('missing') { File.open('nope') }
report('dir as file') { File.read('d') }
report('stat') { s = File.stat('d/a'); [s.size, s.file?, s.directory?, s.ftype, s.nlink, s.mode.to_s(8)] }
report('symlink') { File.symlink('a', 'd/l') }
report('readlink') { File.readlink('d/l') }
report('lstat') { File.lstat('d/l').ftype }
report('loop') { File.symlink('loop', 'd/loop'); File.stat('d/loop') }
report('absolute link') { File.symlink('/etc/passwd', 'd/abs'); File.read('d/abs') }
report('outside') { File.read('/data/../../etc/passwd') }
report('etc') { File.read('/etc/passwd') }
report('link') { File.link('d/a', 'd/h'); File.stat('d/h').nlink }
report('rename') { File.rename('d/h', 'd/r') }
report('rename into itself') { File.rename('d', 'd/e/x') }
report('unlink dir') { File.unlink('d') }
report('rmdir') { Dir.rmdir('d') }
report('utime') { File.utime(1, 1234567890.25, 'd/a'); File.mtime('d/a').to_r }
report('chmod') { File.chmod(0o600, 'd/a') }
report('children') { Dir.children('d').sort }
report('glob') { Dir.glob('d/**/*').sort }
report('each_child') { 300.times { |i| File.write("d/e/#{i}", i.to_s) }; Dir.each_child('d/e').count }
report('entries') { Dir.entries('d/e').size }
report('tempfile') { Tempfile.create('x', '/data') { |f| f.write('abc'); f.flush; File.size(f.path) } }
report('rm_rf') { FileUtils.rm_rf('d/e'); File.exist?('d/e') }
report('cp') { FileUtils.cp('d/a', 'd/c'); FileUtils.compare_file('d/a', 'd/c') }
report('nul') { File.read("a\0b") }
report('long') { File.read('n' * 300) }
report('json') { JSON.parse(JSON.generate({ a: [1, 2.5, nil, 'text'] })) }
report('digest') { Digest::SHA256.hexdigest('x') }
report('time') { [Time.at(0).utc.iso8601, Time.at(0).utc_offset, Process.clock_gettime(Process::CLOCK_MONOTONIC) > 0] }
report('sleep') { a = Process.clock_gettime(Process::CLOCK_MONOTONIC); sleep 0.01; Process.clock_gettime(Process::CLOCK_MONOTONIC) - a >= 0.01 }
report('random') { [Random.new(42).rand(1000), Random.urandom(8).size, rand.is_a?(Float)] }
report('thread') { Thread.new { 1 }.value }
report('fiber') { f = Fiber.new { |x| y = Fiber.yield(x + 1); y * 2 }; [f.resume(1), f.resume(10)] }
report('enumerator') { e = Enumerator.new { |y| 3.times { |i| y << i } }; [e.next, e.next, e.next] }
report('fork') { fork { } }
report('pipe') { IO.pipe }
report('catch') { catch(:x) { 10.times { |i| throw :x, i if i == 5 } } }
report('recursion') { f = ->(n) { n.zero? ? 0 : 1 + f.(n - 1) }; f.(1000) }
report('ensure') { begin; raise 'x'; ensure; puts 'ensured'; end }
report('gc') { 200_000.times.map { |i| i.to_s * 3 }.uniq.size.tap { GC.start } }
report('bignum') { (2**1000).to_s.size }
report('regex') { 'a@b c@d'.scan(/(\w+)@(\w+)/) }
report('erb') { ERB.new('<% 3.times do |i| %><%= i %>,<% end %>').result }
report('yaml') { YAML.dump({ 'a' => [1, { 'b' => nil }] }) }
report('set') { Set[1, 2, 2].to_a }
report('pack') { [1, 2.5, 'x'].pack('NEa3').unpack('NEa3') }
report('stdin') { $stdin.each_line.map(&:chomp) }
report('eof') { $stdin.read(1) }
report('stdout stat') { [$stdout.tty?, $stdin.tty?] }
report('sysopen') { fd = IO.sysopen('d/a'); io = IO.new(fd); [io.sysread(4), io.close] }
report('bad fd') { IO.new(77) }
report('select') { IO.select(nil, [$stdout], nil, 0)&.map(&:size) }
report('flock') { File.open('d/a') { |f| f.flock(File::LOCK_EX) } }
report('fsync') { File.open('d/a', 'a') { |f| [f.fsync, f.fdatasync] } }
report('pread') { File.open('d/a') { |f| f.pread(4, 2) } }
report('nonblock') { File.open('d/a') { |f| f.read_nonblock(3) } }
report('define') { Class.new { define_method(:x) { 5 } }.new.x }
report('refinement') { ObjectSpace.count_objects.key?(:TOTAL) }
$stderr.puts 'to stderr'
report('deep') { def deep(n) = deep(n + 1); deep(0) }
raise ArgumentError, 'the end'
