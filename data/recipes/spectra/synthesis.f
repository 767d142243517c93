c     One spectrum per run. MOOG reads the model atmosphere, solves the
c     molecular equilibrium and gives continuous opacities, level
c     populations and damping constants; this program replaces its loop
c     over wavelengths:
c       - every line is added once, outwards from its centre until it
c         falls below EPS of the continuum: strong lines keep their
c         wings, and weak ones cost little (MOOG: all lines within 1 A);
c       - atoms bound in molecules are missing from the atomic lines;
c       - hydrogen's lines are broadened by the linear Stark effect.
c     Reads batch.par (MOOG's keywords), `wavelengths` (real*8, A in
c     air, ascending) and writes `depths` (real*4, 1 - flux / continuum)
c     and `strengths` (real*4, of each line the largest of line over
c     continuous opacity at a continuous optical depth below 3).
      program synthesis
      implicit real*8 (a-h,o-z)
      include 'Atmos.com'
      include 'Linex.com'
      include 'Factor.com'
      include 'Mol.com'
      include 'Pstuff.com'

      real*8 node
      parameter (maxwave=40000, eps=1.0d-4, node=8.0d0)
      real*8 grid(maxwave), kline(100,maxwave)
      real*4 depth(maxwave), ratio(30000)
      real*8 kblue(100), kred(100), weight(100), e2c(100), ec(100)
      real*8 kall(100)
      integer size

      silent = 'y'
      machine = 'pcl'
      nfparam = 50
      open (nfparam,file='batch.par',status='old')
      open (35,file='Barklem.dat',status='old')
      open (36,file='BarklemUV.dat',status='old')
      call params
      modprintopt = 0
      molopt = 0
      linprintopt = -1
      linprintalt = -1
      molset = 1
      dampingopt = 1
      fluxintopt = 0
      nf1out = 20
      nf2out = 0
      open (nf1out,file='/dev/null')
      nfmodel = 30
      open (nfmodel,file=fmodel,status='old')
      call inmodel

      open (60,file='wavelengths',access='stream',status='old')
      inquire (60,size=size)
      npoint = size/8
      if (npoint .gt. maxwave) stop 'too many wavelengths'
      read (60) (grid(n),n=1,npoint)
      close (60)
      start = grid(1)
      sstop = grid(npoint)
      wave = start

      nflines = 31
      open (nflines,file=flines,status='old')
      isynth = 1
      isorun = 1
      nlines = 0
      mode = 3
      call inlines (1)
      if (nlines .ge. 30000) stop 'too many lines'
      call nearly (1)
      call bound_in_molecules

c     layers that light does not come from are blue out
      call opacit (2,0.5d0*(start + sstop))
      do i=1,ntau
         if (taulam(i) .gt. 12.) exit
      enddo
      ntau = min(i,ntau)

c     line opacities at every wavelength
      do n=1,npoint
         do i=1,ntau
            kline(i,n) = 0.
         enddo
      enddo
      first = -1.
      ncentre = 1
      do j=1,nlines
         if (dabs(wave1(j) - first) .gt. node) then
            call opacit (2,wave1(j))
            first = wave1(j)
         endif
         ratio(j) = 0.
         if (atom1(j) .lt. 2.) then
            call brackett (j,npoint,grid,kline,ratio(j))
            cycle
         endif
         do i=1,ntau
            if (taulam(i) .gt. 3.) exit
            ratio(j) = max(ratio(j),real(kapnu0(j,i)*
     .                 voigt(a(j,i),0.d0)/kaplam(i)))
         enddo
         do while (ncentre.lt.npoint .and. grid(ncentre).lt.wave1(j))
            ncentre = ncentre + 1
         enddo
         if (ratio(j) .lt. eps) cycle
         do i=1,ntau
            scale = 2.997929d10/(wave1(j)*dopp(j,i))
            enough = eps*kaplam(i)/kapnu0(j,i)
            do n=ncentre,npoint
               h = voigt(a(j,i),scale*dabs(grid(n) - wave1(j)))
               if (h .lt. enough) exit
               kline(i,n) = kline(i,n) + kapnu0(j,i)*h
            enddo
            do n=ncentre-1,1,-1
               h = voigt(a(j,i),scale*dabs(grid(n) - wave1(j)))
               if (h .lt. enough) exit
               kline(i,n) = kline(i,n) + kapnu0(j,i)*h
            enddo
         enddo
      enddo

c     emergent flux beside that of the continuum, as MOOG's cdcalc has
c     it: continuous opacity linear between nodes
      red = -1.
      do n=1,npoint
         if (grid(n) .gt. red) then
            blue = grid(n)
            red = grid(n) + node
            call opacit (2,blue)
            do i=1,ntau
               kblue(i) = kaplam(i)
            enddo
            call opacit (2,red)
            do i=1,ntau
               kred(i) = kaplam(i)
            enddo
            wave = 0.5*(blue + red)
            call opacit (2,wave)
            call cdcalc (1)
            contin = 0.4343*cd(1)
            flux = rinteg(xref,cd,kall,ntau,contin)
            do i=1,ntau
               e2c(i) = expint(taulam(i),2)
               weight(i) = 2.0*tauref(i)*scont(i)/
     .                     (0.4343*flux*kapref(i))
               ec(i) = tauref(i)/(0.4343*kapref(i))
            enddo
         endif
         part = (grid(n) - blue)/node
         do i=1,ntau
            kaplam(i) = kblue(i) + part*(kred(i) - kblue(i))
            kall(i) = ec(i)*kline(i,n)
         enddo
         contin = rinteg(xref,kall,taunu,ntau,0.d0)
         taunu(1) = tauref(1)*kline(1,n)/kapref(1)
         do i=2,ntau
            taunu(i) = taunu(i-1) + taunu(i)
         enddo
         do i=1,ntau
            cd(i) = weight(i)*(kaplam(i)*e2c(i) - (kaplam(i) +
     .              kline(i,n))*expint(taulam(i)+taunu(i),2))
         enddo
         contin = 0.4343*cd(1)
         depth(n) = real(rinteg(xref,cd,kall,ntau,contin))
      enddo

      open (61,file='depths',access='stream',status='replace')
      write (61) (depth(n),n=1,npoint)
      close (61)
      open (61,file='strengths',access='stream',status='replace')
      write (61) (ratio(j),j=1,nlines)
      close (61)
      end


c     MOOG's line opacities of atoms ignore what molecules hold of them
      subroutine bound_in_molecules
      implicit real*8 (a-h,o-z)
      include 'Atmos.com'
      include 'Linex.com'
      include 'Mol.com'
      real*8 free(30,100)

      do n=1,neq
         iatom = iorder(n)
         do i=1,ntau
            q21 = 4.825d15*u(iatom,2,i)/(u(iatom,1,i)*ne(i))*
     .            t(i)**1.5*dexp(-chi1(iatom)/tkev(i))
            q32 = 4.825d15*u(iatom,3,i)/(u(iatom,2,i)*ne(i))*
     .            t(i)**1.5*dexp(-chi2(iatom)/tkev(i))
            free(n,i) = xamol(n,i)*(1.0 + q21*(1.0 + q32))/
     .                  (xabund(iatom)*nhtot(i))
         enddo
      enddo
      do j=1,nlines
         do n=1,neq
            if (int(atom1(j) + 0.0001) .ne. iorder(n)) cycle
            do i=1,ntau
               kapnu0(j,i) = kapnu0(j,i)*free(n,i)
            enddo
         enddo
      enddo
      end

c     Ionisation energies in eV
      real*8 function chi1 (iatom)
      implicit real*8 (a-h,o-z)
      include 'Quants.com'
      chi1 = xchi1(iatom)
      return
      entry chi2 (iatom)
      chi2 = xchi2(iatom)
      end


c     Adds line j, hydrogen's 4 - m. Profile: Holtsmark's,
c     S(x) = .3784/2.504/(1 + (x/2.504)**2.5), which has its wing
c     1.5 x**-2.5, x = shift/(K F0), with the electrons as quasi-static
c     as the ions (so F0 for twice their number) and Griem's K for high
c     m. Its core is rounded at the Doppler width, and what that takes
c     away goes into a Doppler core.
      subroutine brackett (j,npoint,grid,kline,ratio)
      implicit real*8 (a-h,o-z)
      include 'Atmos.com'
      include 'Linex.com'
      integer npoint
      real*8 grid(npoint), kline(100,npoint), share(0:200)
      real*8 kstark
      real*8 doppler(100), stark(100), core(100), wing(100)
      real*4 ratio
      logical known
      parameter (pi=3.14159265358979d0, rydberg=109677.58d0)
      data known /.false./

c     the Stark part's share as a function of asinh(Doppler/Stark width)
      if (.not. known) then
         do k=0,200
            r = sinh(0.05d0*k)
            total = 0.
            do l=1,4000
               y = (l - 0.5d0)*0.01d0
               x = sinh(y)
               total = total + cosh(y)*0.01d0/
     .                 (1.0 + (x*x + r*r)*sqrt(sqrt(x*x + r*r)))
            enddo
            share(k) = 2.0*0.3784d0*total
         enddo
         known = .true.
      endif

      vacuum = wave1(j)*(1.d0 + 2.7325d-4)
      dm = anint(1.d0/sqrt(1.d0/16.d0 - 1.d8/(rydberg*vacuum)))
      kstark = 5.5d-5*(4.d0*dm)**4/(dm**2 - 16.d0)/
     .         (1.d0 + 0.13d0/(dm - 4.d0))
      do i=1,ntau
         doppler(i) = wave1(j)*dopp(j,i)/2.997929d10
         stark(i) = 2.504d0*kstark*1.25d-9*
     .              (2.d0*ne(i))**0.6666667d0
         r = dasinh(doppler(i)/stark(i))/0.05d0
         k = min(199,int(r))
         s = share(k) + min(1.d0,r - k)*(share(k+1) - share(k))
         core(i) = (1.d0 - s)*kapnu0(j,i)/dsqrt(pi)
         wing(i) = 0.3784d0*kapnu0(j,i)*doppler(i)/stark(i)
         if (taulam(i) .lt. 3.)
     .      ratio = max(ratio,real((core(i) + wing(i))/kaplam(i)))
      enddo
      do n=1,npoint
         x = grid(n) - wave1(j)
         do i=1,ntau
            y = (x*x + doppler(i)**2)/stark(i)**2
            kline(i,n) = kline(i,n) +
     .                   wing(i)/(1.d0 + y*sqrt(sqrt(y)))
         enddo
         if (dabs(x) .gt. 10.d0) cycle
         do i=1,ntau
            kline(i,n) = kline(i,n) +
     .                   core(i)*dexp(-(x/doppler(i))**2)
         enddo
      enddo
      end


c     MOOG's screen and questions
      subroutine getasci (nchars,line)
      integer nchars, line
      stop 'MOOG asks a question: something in batch.par is wrong'
      end

      subroutine plotremember (n)
      integer n
      end

      integer function ivwrite (iy,ix,text,n)
      integer iy, ix, n
      character*(*) text
      ivwrite = 0
      end

      integer function ivmove (iy,ix)
      integer iy, ix
      ivmove = 0
      end

      integer function ivcleol ()
      ivcleol = 0
      end

      integer function ivcleof (iy,ix)
      integer iy, ix
      ivcleof = 0
      end
